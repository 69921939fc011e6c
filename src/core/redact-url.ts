// Addresses without their secrets, for logs and messages.

/** The address with the value of `token=` and any password taken out. Works on paths and whole URLs, well-formed or not. */
export function redactUrl(url: string): string {
  return url.replace(/([?&;]|%3f|%26)(token)(=|%3d)[^&;#\s]*/gi, '$1$2$3***').replace(/(:\/\/)[^/?#@\s]*@/g, '$1***@');
}
