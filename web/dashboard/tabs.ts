// The tabs of the stream page by name; what each shows is in `panels/index.ts`.

export const TABS = ['watch', 'push', 'embed'] as const;
export type TabId = (typeof TABS)[number];

export function isTab(value: unknown): value is TabId {
  return TABS.includes(value as TabId);
}
