import { fetchAuthSession } from 'aws-amplify/auth';
import { momentoTokenProvider } from '../../../client/browser/index.ts';

export const tokens = momentoTokenProvider({
  url: 'https://abcde12345.execute-api.eu-west-1.amazonaws.com/token',
  getIdToken: async ({ refresh }) => {
    const { tokens } = await fetchAuthSession({ forceRefresh: refresh });
    // The ID token: an access token has no custom attributes, and is refused.
    return tokens?.idToken?.toString();
  },
});
