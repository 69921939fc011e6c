// Draws pictures at full depth with WebGL2: samples lie in a texture as they are, and the shader looks them up in the very table that the
// processor would use, so that both give the same pixels. Changing the look uploads a table and no picture.
import { frameBytes, type Picture } from '../core/frame.ts';
import type { Look } from '../core/view.ts';
import { colorTable } from '../formats/color-maps.ts';
import { drawPixels, LookTable, topValue } from '../formats/look.ts';
import { deepSamples } from '../formats/tone-window.ts';
import type { DeepRenderer } from './renderer.ts';

const VERTEX = `#version 300 es
void main() { gl_Position = vec4(vec2(gl_VertexID == 1 ? 3 : -1, gl_VertexID == 2 ? 3 : -1), 0, 1); }`;

const HEAD = `#version 300 es
precision highp float;
precision highp int;
precision highp sampler2D;
precision highp usampler2D;
uniform sampler2D look;
uniform ivec2 size;
out vec4 color;
vec4 shown(uint value) { return texelFetch(look, ivec2(value & 255u, value >> 8), 0); }
ivec2 here() { return ivec2(gl_FragCoord.x, size.y - 1 - int(gl_FragCoord.y)); }
`;

/** How each kind of samples becomes a colour; the same as `drawPixels`. */
const SHADERS = {
  gray: 'uniform usampler2D samples; void main() { color = shown(texelFetch(samples, here(), 0).r); }',
  rgb: `uniform usampler2D samples;
void main() {
  uvec4 v = texelFetch(samples, here(), 0);
  color = vec4(shown(v.r).r, shown(v.g).r, shown(v.b).r, 1);
}`,
  bgr: `uniform usampler2D samples;
void main() {
  uvec4 v = texelFetch(samples, here(), 0);
  color = vec4(shown(v.b).r, shown(v.g).r, shown(v.r).r, 1);
}`,
  bayer: `uniform usampler2D samples;
uint at(ivec2 p) { return texelFetch(samples, p, 0).r; }
void main() {
  ivec2 cell = min(here() & ivec2(~1), max(ivec2(0), size - 2));
  ivec2 next = ivec2(size.x > 1 ? 1 : 0, size.y > 1 ? 1 : 0);
  uint green = (at(cell + ivec2(next.x, 0)) + at(cell + ivec2(0, next.y))) >> 1;
  color = vec4(shown(at(cell)).r, shown(green).r, shown(at(cell + next)).r, 1);
}`,
  float: `uniform sampler2D samples; uniform float low; uniform float high; uniform float gamma; uniform bool saturated;
void main() {
  float v = texelFetch(samples, here(), 0).r;
  if (saturated && v >= 1.0) { color = vec4(1, 0, 0, 1); return; }
  float share = isnan(v) ? 0.0 : clamp((v - low) / (high - low), 0.0, 1.0);
  if (gamma != 1.0 && share > 0.0) share = pow(share, 1.0 / gamma);
  color = texelFetch(look, ivec2(int(floor(255.0 * share + 0.5)), 0), 0);
}`,
  ready: 'uniform sampler2D samples; void main() { color = texelFetch(samples, here(), 0); }',
} as const;

type Kind = keyof typeof SHADERS;

interface Program {
  readonly program: WebGLProgram;
  readonly at: (name: string) => WebGLUniformLocation | null;
}

/** Texture of a picture: kind of shader and the constants of WebGL. */
function layoutOf(gl: WebGL2RenderingContext, { format }: Picture): readonly [kind: Kind, internal: number, layout: number, type: number] {
  const { RED_INTEGER, RGB_INTEGER, RGBA_INTEGER, UNSIGNED_BYTE, UNSIGNED_SHORT } = gl;
  if (format === 'gray') return ['gray', gl.R8UI, RED_INTEGER, UNSIGNED_BYTE];
  if (format === 'gray16le') return ['gray', gl.R16UI, RED_INTEGER, UNSIGNED_SHORT];
  if (format === 'bayer_rggb16le') return ['bayer', gl.R16UI, RED_INTEGER, UNSIGNED_SHORT];
  if (format === 'grayf32le') return ['float', gl.R32F, gl.RED, gl.FLOAT];
  if (format === 'rgb48le') return ['rgb', gl.RGB16UI, RGB_INTEGER, UNSIGNED_SHORT];
  if (format === 'rgb24') return ['rgb', gl.RGB8UI, RGB_INTEGER, UNSIGNED_BYTE];
  if (format === 'bgr24') return ['bgr', gl.RGB8UI, RGB_INTEGER, UNSIGNED_BYTE];
  if (format === 'rgba') return ['rgb', gl.RGBA8UI, RGBA_INTEGER, UNSIGNED_BYTE];
  // Planar pictures are few: the processor makes their colours.
  return ['ready', gl.RGBA8, gl.RGBA, UNSIGNED_BYTE];
}

export class GlRenderer implements DeepRenderer {
  readonly canvas: HTMLCanvasElement;
  readonly name = 'WebGL';
  /** What draws, as the browser names it. */
  readonly hardware: string;
  readonly #gl: WebGL2RenderingContext;
  readonly #largest: number;
  readonly #programs = new Map<Kind, Program>();
  readonly #lookTexture: WebGLTexture;
  readonly #table = new LookTable();
  readonly #abort = new AbortController();
  /** What the look's texture holds. */
  #tableOf = '';
  #samples: WebGLTexture | null = null;
  #shape = '';

  /** `null` where there is no WebGL2. `onLost` is told once, when the hardware has gone away. */
  static open(onLost: () => void): GlRenderer | null {
    const canvas = document.createElement('canvas');
    const gl = canvas.getContext('webgl2', { alpha: false, antialias: false, depth: false, preserveDrawingBuffer: true });
    return gl && new GlRenderer(canvas, gl, onLost);
  }

  private constructor(canvas: HTMLCanvasElement, gl: WebGL2RenderingContext, onLost: () => void) {
    this.canvas = canvas;
    this.#gl = gl;
    const names = gl.getExtension('WEBGL_debug_renderer_info');
    this.hardware = String(gl.getParameter(names?.UNMASKED_RENDERER_WEBGL ?? gl.RENDERER));
    this.#largest = gl.getParameter(gl.MAX_TEXTURE_SIZE) as number;
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    this.#lookTexture = this.#texture();
    gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGBA8, 256, 256);
    canvas.addEventListener('webglcontextlost', onLost, { signal: this.#abort.signal, once: true });
  }

  draw(picture: Picture, look: Look, fresh: boolean): void {
    const gl = this.#gl;
    const { width, height, format } = picture;
    if (gl.isContextLost()) throw new Error('the graphics hardware is gone');
    if (Math.max(width, height) > this.#largest) throw new Error(`textures have at most ${this.#largest} pixels along a side`);
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    const layout = layoutOf(gl, picture);
    const [kind] = layout;
    const shape = `${format} ${width}x${height}`;
    if (shape !== this.#shape) {
      gl.deleteTexture(this.#samples);
      this.#samples = this.#texture();
      gl.texStorage2D(gl.TEXTURE_2D, 1, layout[1], width, height);
      this.#shape = shape;
    }
    if (fresh || kind === 'ready') this.#upload(picture, look, layout);
    this.#uploadLook(kind, picture, look);
    const { program, at } = this.#program(kind);
    gl.useProgram(program);
    gl.viewport(0, 0, width, height);
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, this.#samples);
    gl.activeTexture(gl.TEXTURE1);
    gl.bindTexture(gl.TEXTURE_2D, this.#lookTexture);
    gl.uniform1i(at('samples'), 0);
    gl.uniform1i(at('look'), 1);
    gl.uniform2i(at('size'), width, height);
    if (kind === 'float') {
      gl.uniform1f(at('low'), look.low);
      gl.uniform1f(at('high'), look.high);
      gl.uniform1f(at('gamma'), look.gamma);
      gl.uniform1i(at('saturated'), look.saturated ? 1 : 0);
    }
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  close(): void {
    this.#abort.abort();
    // Browsers give a page few of these.
    this.#gl.getExtension('WEBGL_lose_context')?.loseContext();
  }

  /** Bound to the first unit; integers know nothing between two texels. */
  #texture(): WebGLTexture {
    const gl = this.#gl;
    const texture = gl.createTexture();
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, texture);
    for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, name, gl.NEAREST);
    for (const name of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, name, gl.CLAMP_TO_EDGE);
    return texture;
  }

  #upload(picture: Picture, look: Look, [kind, , layout, type]: ReturnType<typeof layoutOf>): void {
    const gl = this.#gl;
    const { width, height, format, data } = picture;
    let samples: ArrayBufferView = deepSamples(picture) ?? data.subarray(0, frameBytes(format, width, height));
    if (kind === 'ready') {
      const words = new Uint32Array(width * height);
      this.#table.set(look, topValue(picture));
      this.#tableOf = '';
      drawPixels(words, picture, this.#table.words, look);
      samples = new Uint8Array(words.buffer);
    }
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, this.#samples);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, width, height, layout, type, samples);
  }

  /** The table of the look; of floats, the colours of 256 levels in its first row. */
  #uploadLook(kind: Kind, picture: Picture, look: Look): void {
    const gl = this.#gl;
    if (kind === 'ready') return;
    let words: Uint32Array;
    if (kind === 'float') {
      if (this.#tableOf === look.map) return;
      this.#tableOf = look.map;
      words = colorTable(look.map);
    } else {
      const changed = this.#table.set(look, topValue(picture));
      if (!changed && this.#tableOf === 'words') return;
      this.#tableOf = 'words';
      words = this.#table.words;
    }
    const rows = words.length / 256;
    gl.activeTexture(gl.TEXTURE1);
    gl.bindTexture(gl.TEXTURE_2D, this.#lookTexture);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, 256, rows, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(words.buffer, 0, rows * 1024));
  }

  #program(kind: Kind): Program {
    const made = this.#programs.get(kind);
    if (made) return made;
    const gl = this.#gl;
    const program = gl.createProgram();
    for (const [type, source] of [
      [gl.VERTEX_SHADER, VERTEX],
      [gl.FRAGMENT_SHADER, HEAD + SHADERS[kind]],
    ] as const) {
      const shader = gl.createShader(type);
      if (!shader) throw new Error('the graphics hardware is gone');
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
      gl.deleteShader(shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(`shader: ${gl.getProgramInfoLog(program) ?? 'not linked'}`);
    const places = new Map<string, WebGLUniformLocation | null>();
    const at = (name: string) => {
      if (!places.has(name)) places.set(name, gl.getUniformLocation(program, name));
      return places.get(name) ?? null;
    };
    this.#programs.set(kind, { program, at });
    return { program, at };
  }
}
