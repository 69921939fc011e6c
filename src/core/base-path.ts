/** The path below which a server answers: `/`, `/ai` or `/user/x/proxy/8000/`. No two parts of it match the same text: it is quick with any. */
export const BASE_PATH = /^\/(?:[A-Za-z0-9._~@:-]+\/)*[A-Za-z0-9._~@:-]*$/;
