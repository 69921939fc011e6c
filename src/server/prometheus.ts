// Figures in the Prometheus text format 0.0.4.
import type { HistogramCounts } from '../pipeline/histogram.ts';
import type { TrickleChannels } from '../trickle/channels.ts';
import type { StreamService } from './stream-service.ts';

type Labels = Readonly<Record<string, string>>;

const escapeLabel = (value: string) => value.replace(/[\\"\n]/g, (char) => (char === '\n' ? '\\n' : `\\${char}`));

/** Families of samples in the order of their first mention: all lines of one stand together, as the format wants it. */
class Exposition {
  readonly #families = new Map<string, string[]>();

  family(name: string, type: 'counter' | 'gauge' | 'histogram', help: string): string[] {
    let lines = this.#families.get(name);
    if (!lines) {
      lines = [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
      this.#families.set(name, lines);
    }
    return lines;
  }

  counter(name: string, help: string, labels: Labels, value: number): void {
    this.family(name, 'counter', help).push(sample(name, labels, value));
  }

  gauge(name: string, help: string, labels: Labels, value: number): void {
    this.family(name, 'gauge', help).push(sample(name, labels, value));
  }

  histogram(name: string, help: string, labels: Labels, { buckets, sum, count }: HistogramCounts): void {
    const lines = this.family(name, 'histogram', help);
    for (const [limit, value] of buckets)
      lines.push(sample(`${name}_bucket`, { ...labels, le: limit === null ? '+Inf' : String(limit) }, value));
    lines.push(sample(`${name}_sum`, labels, sum), sample(`${name}_count`, labels, count));
  }

  toString(): string {
    return `${[...this.#families.values()].flat().join('\n')}\n`;
  }
}

function sample(name: string, labels: Labels, value: number): string {
  const text = Object.entries(labels)
    .map(([key, label]) => `${key}="${escapeLabel(label)}"`)
    .join(',');
  return `${name}${text && `{${text}}`} ${value}`;
}

const FRAMES = 'Frames by stage and fate.';
const VIEWERS = 'Viewers now.';
const GLASS_TO_GLASS = 'Capture to screen, as pages report it.';

export function prometheus(streams: StreamService, trickle: TrickleChannels): string {
  const text = new Exposition();
  // Named even while there is no stream: whoever builds a board sees what there will be.
  text.family('sluice_frames_total', 'counter', FRAMES);
  text.family('sluice_viewers', 'gauge', VIEWERS);
  text.family('sluice_glass_to_glass_seconds', 'histogram', GLASS_TO_GLASS);
  for (const stream of streams.registry.all()) {
    const { name } = stream;
    const stats = streams.stats(stream);
    const frame = (stage: string, fate: string, value: number) =>
      text.counter('sluice_frames_total', FRAMES, { stream: name, stage, fate }, value);
    frame('source', 'captured', stats.ledger.captured);
    frame('source', 'published', stats.ledger.published);
    for (const [reason, value] of Object.entries(stats.ledger.refused)) frame('source', `refused-${reason}`, value);
    for (const [stage, value] of Object.entries(stats.ledger.dropped)) frame(stage, 'dropped', value);
    for (const rendition of stats.renditions) {
      frame(rendition.key, 'encoded', rendition.encoded);
      frame(rendition.key, 'repeated', rendition.repeats);
      frame(rendition.key, 'failed', rendition.failed);
      for (const [policy, value] of Object.entries(rendition.dropped)) frame(rendition.key, `dropped-${policy}`, value);
    }
    for (const processor of stats.processors) {
      const stage = `processor:${processor.id}`;
      frame(stage, 'processed', processor.processed);
      frame(stage, 'failed', processor.failed);
      for (const [policy, value] of Object.entries(processor.dropped)) frame(stage, `dropped-${policy}`, value);
      const labels = { stream: name, processor: processor.id };
      if (processor.runs) text.histogram('sluice_process_seconds', 'Work of a processor on one frame.', labels, processor.runs);
      for (const [part, { runs }] of Object.entries(processor.parts)) {
        text.histogram('sluice_process_part_seconds', 'Parts of that work, as the processor names them.', { ...labels, part }, runs);
      }
    }
    for (const [output, counters] of Object.entries(stats.outputs)) {
      text.gauge('sluice_viewers', VIEWERS, { stream: name, output }, counters.viewers);
      text.counter('sluice_sent_bytes_total', 'Bytes sent to viewers.', { stream: name, output }, counters.bytes);
      frame(output, 'sent', counters.sent);
      for (const [policy, value] of Object.entries(counters.skipped)) frame(output, `skipped-${policy}`, value);
    }
    for (const [codec, { encode, encoded }] of stream.timings) {
      const labels = { stream: name, codec };
      text.histogram('sluice_encode_seconds', 'Encoding of one frame.', labels, encode.counts);
      text.histogram('sluice_capture_to_encoded_seconds', 'Capture to the end of encoding.', labels, encoded.counts);
    }
    for (const [output, meter] of streams.metersOf(name)) {
      const labels = { stream: name, output };
      const sent = meter.captureToSent.counts;
      if (sent.count) text.histogram('sluice_capture_to_sent_seconds', 'Capture until handed to the network.', labels, sent);
      const shown = meter.glassToGlass.counts;
      if (shown.count) text.histogram('sluice_glass_to_glass_seconds', GLASS_TO_GLASS, labels, shown);
      for (const figure of meter.reported?.figures ?? []) {
        if (figure.type === 'counter') text.counter(figure.name, figure.help, labels, figure.value);
        else text.histogram(figure.name, figure.help, labels, figure.counts);
      }
    }
    text.gauge('sluice_capture_fps', 'Captured frames per second.', { stream: name }, stats.fps);
    for (const [fate, value] of Object.entries(stats.metrics ?? {})) {
      text.counter('sluice_metric_samples_total', 'Samples of metrics that programs have sent, by fate.', { stream: name, fate }, value);
    }
    text.gauge('sluice_dvr_bytes', 'Bytes of recordings on disk.', { stream: name }, stats.dvr.bytes);
  }
  trickleFigures(text, trickle);
  const { user, system } = process.cpuUsage();
  text.gauge('process_resident_memory_bytes', 'Resident memory.', {}, process.memoryUsage.rss());
  text.counter('process_cpu_seconds_total', 'CPU time.', {}, (user + system) / 1e6);
  return text.toString();
}

function trickleFigures(text: Exposition, trickle: TrickleChannels): void {
  text.gauge('sluice_trickle_channels', 'Trickle channels now.', {}, trickle.size);
  text.gauge('sluice_trickle_held_bytes', 'Segments of trickle channels in memory.', {}, trickle.held);
  text.counter('sluice_trickle_refused_total', 'Trickle requests turned away that belong to no channel.', {}, trickle.refused);
  for (const channel of trickle.stats()) {
    const labels = { channel: channel.name };
    text.gauge('sluice_trickle_segment', 'Number of the newest segment of a channel; -1 before the first.', labels, channel.seq);
    text.gauge('sluice_trickle_readers', 'Readers of a channel now.', labels, channel.readers);
    text.counter('sluice_trickle_segments_total', 'Segments begun.', labels, channel.segments);
    text.counter('sluice_trickle_bytes_total', 'Bytes taken into a channel.', labels, channel.bytes);
    text.counter('sluice_trickle_channel_refused_total', 'Writers and readers of a channel turned away.', labels, channel.refused);
    text.counter('sluice_trickle_cut_total', 'Readers of a channel cut off because they did not keep up.', labels, channel.cut);
  }
}
