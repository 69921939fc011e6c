// The tabs of the stream page. What `watch` shows is in `dock.tsx`; what the others show is in `panels/index.ts`.

export const TABS = ['watch', 'push', 'embed'] as const;
export type TabId = (typeof TABS)[number];

export const TAB_LABELS: Record<TabId, string> = { watch: 'Watch', push: 'Push', embed: 'Embed' };

export function isTab(value: unknown): value is TabId {
  return TABS.includes(value as TabId);
}
