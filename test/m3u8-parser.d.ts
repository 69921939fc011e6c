// What the tests use of m3u8-parser, which comes without types.
declare module 'm3u8-parser' {
  export class Parser {
    readonly manifest: unknown;
    on(event: 'warn' | 'info', listener: (event: { message: string }) => void): void;
    push(text: string): void;
    end(): void;
  }
}
