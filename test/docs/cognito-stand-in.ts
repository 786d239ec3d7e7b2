// The few calls to Cognito that docs/deploy.md makes, as far as that page needs them: who was made how.
import { createServer } from 'node:http';
import * as v from 'valibot';
import { closeServer, listenOnLoopback } from '../../local/ports.ts';

export interface StandInUser {
  readonly attributes: Readonly<Record<string, string>>;
  readonly groups: readonly string[];
  readonly password?: string;
}

export interface CognitoStandInOptions {
  readonly userPoolId: string;
  readonly clientId: string;
  /** The flows of the template's app client, as `ALLOW_ADMIN_USER_PASSWORD_AUTH`. */
  readonly flows: readonly string[];
  readonly groups: readonly string[];
  readonly issueIdToken: (name: string, user: StandInUser) => Promise<string>;
}

const inPool = { UserPoolId: v.string(), Username: v.string() };
const Calls = {
  AdminCreateUser: v.strictObject({
    ...inPool,
    MessageAction: v.literal('SUPPRESS'),
    UserAttributes: v.array(v.strictObject({ Name: v.string(), Value: v.string() })),
  }),
  AdminAddUserToGroup: v.strictObject({ ...inPool, GroupName: v.string() }),
  AdminSetUserPassword: v.strictObject({
    ...inPool,
    Password: v.pipe(v.string(), v.minLength(12)),
    Permanent: v.literal(true),
  }),
  AdminInitiateAuth: v.strictObject({
    UserPoolId: v.string(),
    ClientId: v.string(),
    AuthFlow: v.string(),
    AuthParameters: v.strictObject({ USERNAME: v.string(), PASSWORD: v.string() }),
  }),
};

export interface CognitoStandIn {
  readonly url: string;
  close(): Promise<void>;
}

/** Whatever is not as it should be is a 400 with the reason, which the `aws` CLI shows. */
export async function startCognitoStandIn(options: CognitoStandInOptions): Promise<CognitoStandIn> {
  const users = new Map<string, StandInUser>();
  const server = createServer(async (request, response) => {
    const reply = (status: number, body: unknown) => {
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' });
      response.end(JSON.stringify(body));
    };
    try {
      let body = '';
      for await (const chunk of request as AsyncIterable<Buffer>) body += chunk.toString('utf8');
      const target = String(request.headers['x-amz-target']).split('.').at(-1) ?? '';
      reply(200, await answer(target, JSON.parse(body), users, options));
    } catch (error) {
      reply(400, { __type: 'InvalidParameterException', message: String(error) });
    }
  });
  const port = await listenOnLoopback(server, 0);
  return { url: `http://127.0.0.1:${port}`, close: () => closeServer(server) };
}

async function answer(
  target: string,
  body: unknown,
  users: Map<string, StandInUser>,
  { userPoolId, clientId, flows, groups, issueIdToken }: CognitoStandInOptions,
): Promise<unknown> {
  const check = (isRight: boolean, what: string) => {
    if (!isRight) throw new Error(`${target}: ${what}`);
  };
  const userOf = (name: string, pool: string): StandInUser => {
    check(pool === userPoolId, `no pool ${pool}`);
    const user = users.get(name);
    if (user === undefined) throw new Error(`${target}: no user ${name}`);
    return user;
  };
  switch (target) {
    case 'AdminCreateUser': {
      const { UserPoolId, Username, UserAttributes } = v.parse(Calls.AdminCreateUser, body);
      check(UserPoolId === userPoolId, `no pool ${UserPoolId}`);
      const attributes = Object.fromEntries(UserAttributes.map(({ Name, Value }) => [Name, Value]));
      users.set(Username, { attributes, groups: [] });
      return { User: { Username, UserStatus: 'FORCE_CHANGE_PASSWORD', Enabled: true } };
    }
    case 'AdminAddUserToGroup': {
      const { UserPoolId, Username, GroupName } = v.parse(Calls.AdminAddUserToGroup, body);
      const user = userOf(Username, UserPoolId);
      check(groups.includes(GroupName), `no group ${GroupName}`);
      users.set(Username, { ...user, groups: [...user.groups, GroupName] });
      return {};
    }
    case 'AdminSetUserPassword': {
      const { UserPoolId, Username, Password } = v.parse(Calls.AdminSetUserPassword, body);
      users.set(Username, { ...userOf(Username, UserPoolId), password: Password });
      return {};
    }
    case 'AdminInitiateAuth': {
      const { UserPoolId, ClientId, AuthFlow, AuthParameters } = v.parse(
        Calls.AdminInitiateAuth,
        body,
      );
      const { USERNAME, PASSWORD } = AuthParameters;
      const user = userOf(USERNAME, UserPoolId);
      check(ClientId === clientId, `no client ${ClientId}`);
      check(flows.includes(`ALLOW_${AuthFlow.replace(/^ALLOW_/, '')}`), `${AuthFlow} not enabled`);
      check(user.password !== undefined && PASSWORD === user.password, 'not the password');
      const IdToken = await issueIdToken(USERNAME, user);
      return { AuthenticationResult: { IdToken, TokenType: 'Bearer', ExpiresIn: 3_900 } };
    }
    default:
      throw new Error(`${target} is not known here`);
  }
}
