// The logger that the parts are given. The server puts pino behind it; nothing here writes anywhere.
// Rubric: error = somebody must act; warn = something was lost or refused; info = one line per change of life; debug = the rest.

/** Structured logger: values first, then a fixed sentence. Never more than once a second from one place at info or above. */
export interface Logger {
  debug(values: object, message: string): void;
  info(values: object, message: string): void;
  warn(values: object, message: string): void;
  error(values: object, message: string): void;
  child(values: object): Logger;
}

/** Logs nothing. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLogger,
};
