import { buildRoute, parseMatrixLink, type MatrixTarget } from "@/domain/invite_link";

/** Where one is in the app. All of it stands behind the `#`, where no server and no proxy sees it. */
export type Route =
  | { readonly page: "home" }
  /** A person, a chat, a message or an invitation; `registrationToken` lets somebody without an account make one on the way there. */
  | { readonly page: "target"; readonly target: MatrixTarget; readonly registrationToken?: string }
  | { readonly page: "settings"; readonly section: string }
  | { readonly page: "register"; readonly token: string }
  | { readonly page: "login"; readonly token: string; readonly userId: string }
  | { readonly page: "reset-password"; readonly token: string };

const SECTION = /^[a-z-]{1,40}$/;
const TOKEN_LENGTH_MAX = 200;

function readParameter(query: URLSearchParams, name: string): string {
  return (query.get(name) ?? "").slice(0, TOKEN_LENGTH_MAX);
}

/** `hash` is the address from `#` on. What nobody understands is home. */
export function parseHash(hash: string): Route {
  const [path = "", search = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const query = new URLSearchParams(search);
  const target = parseMatrixLink(hash);
  if (target !== undefined) return { page: "target", target, registrationToken: readParameter(query, "register") };
  const [first = "", second = ""] = path.split("/");
  switch (first) {
    case "settings":
      return { page: "settings", section: SECTION.test(second) ? second : "" };
    case "register":
    case "reset-password":
      return { page: first, token: readParameter(query, "token") };
    case "login":
      return { page: "login", token: readParameter(query, "token"), userId: readParameter(query, "user") };
    default:
      return { page: "home" };
  }
}

function withQuery(path: string, values: Readonly<Record<string, string>>): string {
  const query = new URLSearchParams(Object.entries(values).filter(([, value]) => value !== "")).toString();
  return `#/${path}${query === "" ? "" : `?${query}`}`;
}

export function buildHash(route: Route): string {
  switch (route.page) {
    case "home":
      return "#/";
    case "target":
      return buildRoute(route.target);
    case "settings":
      return route.section === "" ? "#/settings" : `#/settings/${route.section}`;
    case "login":
      return withQuery("login", { token: route.token, user: route.userId });
    default:
      return withQuery(route.page, { token: route.token });
  }
}
