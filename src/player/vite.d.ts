// What Vite makes of imports with a question mark.
declare module '*?worker&url' {
  const url: string;
  export default url;
}
