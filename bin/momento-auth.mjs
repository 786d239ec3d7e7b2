#!/usr/bin/env node
// `npx momento-auth`: runs the TypeScript as it stands, as everything here is run.

import { register } from 'tsx/esm/api';

register();
await import('./momento-auth.ts');
