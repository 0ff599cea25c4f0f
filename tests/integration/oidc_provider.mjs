// A certified OpenID provider (npm oidc-provider) on a loopback port of the system's choice, for the tests of sign-in.
// Reads its description from the first line of its standard input, prints its port, and takes one command a line from
// then on: {"person": subject} says who sits before the browser (null: somebody who turns back), {"keys": {...}} has it
// sign with other keys. Ends with its standard input. What it signs with is the test's, which can thereby forge.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import Provider from "oidc-provider";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const described = JSON.parse((await lines.next()).value);
let person = null;
let provider = null;

const claimsOf = (subject) => ({ sub: subject, ...described.people[subject].claims });

function providerWith(keys) {
  const made = new Provider(described.issuer, {
    clients: described.clients,
    jwks: keys,
    cookies: { keys: ["a provider of the tests"] },
    scopes: ["openid"],
    claims: described.scopes,
    acrValues: described.levels,
    conformIdTokenClaims: !described.claimsInIdToken,
    pkce: { required: () => true },
    enabledJWA: described.algorithms,
    features: {
      devInteractions: { enabled: false },
      claimsParameter: { enabled: true },
      jwtUserinfo: { enabled: true },
      backchannelLogout: { enabled: true },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (ctx, form) => {
          ctx.body = `<!doctype html><body>${form}</body>`;
        },
      },
    },
    ttl: { AuthorizationCode: 30, AccessToken: 60, IdToken: 60, Interaction: 60, Grant: 60, Session: 600 },
    findAccount: (ctx, subject) =>
      described.people[subject] && { accountId: subject, claims: async () => claimsOf(subject) },
    interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
    // Nobody is asked twice: signing in is consent.
    loadExistingGrant: async (ctx) => {
      const grant = new ctx.oidc.provider.Grant({
        clientId: ctx.oidc.client.clientId,
        accountId: ctx.oidc.session.accountId,
      });
      grant.addOIDCScope([...ctx.oidc.requestParamScopes].join(" "));
      grant.addOIDCClaims(Object.values(described.scopes).flat());
      await grant.save();
      return grant;
    },
  });
  made.use(async (ctx, next) => {
    if (!ctx.path.startsWith("/interaction/")) return next();
    const login = person && { accountId: person, acr: described.people[person].acr, remember: true };
    const result = login ? { login } : { error: "access_denied", error_description: "the person turned back" };
    return made.interactionFinished(ctx.req, ctx.res, result, { mergeWithLastSubmission: false });
  });
  return made.callback();
}

provider = providerWith(described.keys);
const server = createServer((request, answer) => provider(request, answer));
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
for await (const line of lines) {
  const told = JSON.parse(line);
  if ("person" in told) person = told.person;
  if (told.keys) provider = providerWith(told.keys);
  console.log("done");
}
process.exit(0);
