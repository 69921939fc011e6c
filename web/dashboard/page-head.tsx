// The head of every page but the first: the way back, the title (that of the window, too), and what belongs beside it.
import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import { Back } from './icons.tsx';
import { hrefOf } from './route.ts';

/** @param short the window's title, where it is not the page's */
export function PageHead(props: { title: string; short?: string; beside?: ComponentChildren; children?: ComponentChildren }) {
  const title = props.short ?? props.title;
  useEffect(() => {
    document.title = `${title} · Sluice`;
    return () => {
      document.title = 'Sluice';
    };
  }, [title]);
  return (
    <header class="stream-head">
      <a class="back" href={hrefOf({})} data-route="page">
        <Back />
        All streams
      </a>
      <div class="stream-title">
        <h1>{props.title}</h1>
        {props.beside}
      </div>
      {props.children}
    </header>
  );
}
