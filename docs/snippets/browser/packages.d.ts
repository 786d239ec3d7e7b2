// As much of these packages as the snippets use: the repository does not install them.

declare module 'react' {
  export function useSyncExternalStore<Snapshot>(
    subscribe: (onChange: () => void) => () => void,
    getSnapshot: () => Snapshot,
    getServerSnapshot?: () => Snapshot,
  ): Snapshot;
}

declare module 'aws-amplify/auth' {
  export function fetchAuthSession(options?: { forceRefresh?: boolean }): Promise<{
    tokens?: { idToken?: { toString(): string } };
  }>;
}
