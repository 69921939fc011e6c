// Writes ONNX files: models as Protocol Buffers, by the field numbers of onnx.proto3 (ONNX 1.17, IR version 10). Only what make-model.ts needs.

/** Bytes of fields, put together as they come. */
export class Message {
  readonly #parts: Uint8Array[] = [];

  /** Wire type 0. Whole numbers, also negative ones (as 64-bit two's complement). */
  int(field: number, value: number): this {
    this.#parts.push(varint((field << 3) | 0), varint(value));
    return this;
  }

  /** Wire type 5. */
  float(field: number, value: number): this {
    this.#parts.push(varint((field << 3) | 5), new Uint8Array(Float32Array.of(value).buffer));
    return this;
  }

  /** Wire type 2: text, bytes or a message. */
  put(field: number, value: string | Uint8Array | Message): this {
    const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value instanceof Message ? value.bytes() : value;
    this.#parts.push(varint((field << 3) | 2), varint(bytes.length), bytes);
    return this;
  }

  bytes(): Uint8Array {
    return Buffer.concat(this.#parts);
  }
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Uint8Array.of(...bytes, Number(rest));
}

/** A tensor in the model: its shape and its values (int64 for shapes and places, else float32). */
export interface Weights {
  readonly shape: readonly number[];
  readonly values: readonly number[];
  readonly type?: 'float' | 'int64';
}

const TYPES = { float: 1, int64: 7 } as const;

/** A model that is built node by node. Little-endian machines only, as the format's raw data is. */
export class Model {
  readonly #graph = new Message();
  #names = 0;

  constructor(name: string) {
    this.#graph.put(2, name);
  }

  /** A named input or output of floats; a text instead of a number is a size that may vary. */
  input(name: string, shape: readonly (number | string)[]): string {
    this.#graph.put(11, valueInfo(name, shape));
    return name;
  }

  output(name: string, shape: readonly (number | string)[]): void {
    this.#graph.put(12, valueInfo(name, shape));
  }

  /** Constant values; returns their name. */
  weights({ shape, values, type = 'float' }: Weights): string {
    const count = shape.reduce((product, size) => product * size, 1);
    if (count !== values.length) throw new Error(`weights of shape ${shape.join('x')} need ${count} values, not ${values.length}`);
    const name = `w${this.#names++}`;
    const raw = type === 'float' ? Float32Array.from(values) : BigInt64Array.from(values, BigInt);
    const tensor = new Message();
    for (const size of shape) tensor.int(1, size);
    this.#graph.put(5, tensor.int(2, TYPES[type]).put(8, name).put(9, new Uint8Array(raw.buffer)));
    return name;
  }

  /** A single number. */
  number(value: number): string {
    return this.weights({ shape: [], values: [value] });
  }

  /** Appends a node; returns the name of its output. */
  node(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, number | readonly number[]>> = {},
    name = `v${this.#names++}`,
  ): string {
    const node = new Message();
    for (const input of inputs) node.put(1, input);
    node.put(2, name).put(4, op);
    for (const [key, value] of Object.entries(attributes)) {
      const attribute = new Message().put(1, key);
      if (typeof value === 'number') attribute.int(3, value).int(20, 2);
      else {
        for (const one of value) attribute.int(8, one);
        attribute.int(20, 7);
      }
      node.put(5, attribute);
    }
    this.#graph.put(1, node);
    return name;
  }

  /** The file. */
  bytes(): Uint8Array {
    const opset = new Message().put(1, '').int(2, 17);
    return new Message().int(1, 8).put(2, 'sluice').put(7, this.#graph).put(8, opset).bytes();
  }
}

function valueInfo(name: string, shape: readonly (number | string)[]): Message {
  const dims = new Message();
  for (const size of shape) dims.put(1, typeof size === 'number' ? new Message().int(1, size) : new Message().put(2, size));
  return new Message().put(1, name).put(2, new Message().put(1, new Message().int(1, TYPES.float).put(2, dims)));
}
