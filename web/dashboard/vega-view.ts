// Vega and Vega-Lite, loaded only when a spec is shown. Expressions are interpreted, not compiled: the page's policy forbids eval.

import * as vega from 'vega';
import { expressionInterpreter } from 'vega-interpreter';
import * as lite from 'vega-lite';
import type { MetricRow } from './vega-rows.ts';

const NAME = 'metrics';

export interface ShownSpec {
  /** Draws these rows instead of those before; one call at a time. Rejects with an Error in Vega's words. */
  show(rows: readonly MetricRow[]): Promise<void>;
  close(): void;
}

/** Colours and font of the page. */
export interface Look {
  readonly text: string;
  readonly grid: string;
  readonly font: string;
}

/**
 * Shows a spec in an element. Throws an Error in plain words where it is no spec. Addresses in it are not loaded: the only data are the
 * rows.
 */
export async function showSpec(text: string, element: HTMLElement, look: Look): Promise<ShownSpec> {
  const spec = parseSpec(text);
  // Vega tells of errors in expressions and data by its log.
  const errors: string[] = [];
  const logger = vega.logger(vega.Error, undefined, (_method, _level, input) => {
    errors.push(input.map((part) => (part instanceof Error ? part.message : String(part))).join(' '));
  });
  const run = async (view: vega.View) => {
    await view.runAsync();
    if (errors.length) throw new Error(errors.splice(0)[0]);
  };
  const config: lite.Config = {
    background: 'transparent',
    font: look.font,
    view: { stroke: look.grid },
    axis: { labelColor: look.text, titleColor: look.text, gridColor: look.grid, domainColor: look.grid, tickColor: look.grid },
    legend: { labelColor: look.text, titleColor: look.text },
    header: { labelColor: look.text, titleColor: look.text },
    title: { color: look.text },
  };
  const width = Math.max(120, element.clientWidth - 24);
  const facets = usesFacets(spec);
  const sized = {
    // A spec without a width takes that of the panel; facets share it with their labels and legends.
    width: facets ? Math.max(100, width - 190) : 'container',
    // Rows bring facets and legends: the size is found anew.
    autosize: { type: facets ? 'pad' : 'fit-x', contains: 'padding', resize: true },
    ...spec,
  } as lite.TopLevelSpec;
  const compiled = lite.compile(sized, { config, logger }).spec;
  const view = new vega.View(vega.parse(compiled, undefined, { ast: true }), {
    expr: expressionInterpreter,
    container: element,
    renderer: 'canvas',
    hover: true,
    logger,
    loader: NO_LOADER,
  });
  try {
    await run(view);
    if (!hasData(view)) throw new Error(`The spec does not use the data set: write "data": {"name": "${NAME}"}.`);
  } catch (error) {
    view.finalize();
    throw error;
  }
  return {
    async show(rows) {
      view.change(
        NAME,
        vega
          .changeset()
          .remove(vega.truthy)
          .insert([...rows]),
      );
      await run(view);
    },
    close() {
      view.finalize();
      element.replaceChildren();
    },
  };
}

/** The page's policy allows no other server anyway; this says so in plain words. */
const NO_LOADER: vega.Loader = {
  ...vega.loader(),
  load: (uri) => Promise.reject(new Error(`“${uri}” is not loaded: the data of this panel are the metrics of the stream.`)),
};

function parseSpec(text: string): Record<string, unknown> {
  let spec: unknown;
  try {
    spec = JSON.parse(text);
  } catch (error) {
    throw new Error(`This is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (typeof spec !== 'object' || spec === null || Array.isArray(spec)) throw new Error('A Vega-Lite spec is a JSON object: {…}.');
  const parts = ['mark', 'layer', 'facet', 'repeat', 'concat', 'hconcat', 'vconcat', 'spec'];
  if (!parts.some((part) => part in spec)) throw new Error(`The spec draws nothing: it needs one of ${parts.join(', ')}.`);
  checkMarks(spec);
  return spec as Record<string, unknown>;
}

const MARKS = 'arc area bar boxplot circle errorband errorbar geoshape image line point rect rule square text tick trail'.split(' ');

/** Vega-Lite itself says nothing that helps about a mark that it does not know. */
function checkMarks(part: unknown): void {
  if (typeof part !== 'object' || part === null) return;
  for (const [key, value] of Object.entries(part)) {
    const mark: unknown = key === 'mark' && typeof value === 'object' && value !== null ? (value as { type?: unknown }).type : value;
    if (key === 'mark' && !MARKS.includes(String(mark))) {
      throw new Error(`mark: ${JSON.stringify(mark)} received; expected one of ${MARKS.join(', ')}.`);
    }
    checkMarks(value);
  }
}

function usesFacets(spec: Record<string, unknown>): boolean {
  const encoding = (spec.encoding ?? {}) as Record<string, unknown>;
  return ['facet', 'repeat', 'concat', 'hconcat', 'vconcat'].some((part) => part in spec) || 'row' in encoding || 'column' in encoding;
}

function hasData(view: vega.View): boolean {
  try {
    view.data(NAME);
    return true;
  } catch {
    return false;
  }
}
