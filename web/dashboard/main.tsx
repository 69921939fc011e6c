// The dashboard's first line: theme, routes, data, page.
import './style/base.css';
import './style/frame.css';
import './style/wall.css';
import './style/stream.css';
import './style/dock.css';
import './style/moments.css';
import './style/charts.css';
import './style/dialog.css';
import './style/share.css';
import './style/compare.css';
import './style/trickle.css';
import './style/recordings.css';
import './style/params.css';
import './style/processors.css';
import { render } from 'preact';
import { App } from './app.tsx';
import { followLinks } from './route.ts';
import { start } from './store.ts';
import { applyTheme } from './theme.ts';

applyTheme();
followLinks();
start();
render(<App />, document.getElementById('app')!);
