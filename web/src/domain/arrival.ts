/** Where an account is at work: what a log-in or a sign-up gives. Kept on this device only. */
export interface Session {
  readonly userId: string;
  readonly deviceId: string;
  readonly accessToken: string;
  /** Where the server gives tokens that end: what a new one is got for, and when that should be done (ms since 1970). */
  readonly refreshToken?: string;
  readonly renewAt?: number;
  /** Address of the homeserver, without a slash at its end. */
  readonly baseUrl: string;
}

/** A document that has to be accepted before an account is made (client-server API, "Terms of service at registration"). */
export interface TermsDocument {
  readonly id: string;
  readonly name: string;
  readonly url: string;
}

/** What a server asks for before it makes an account. */
export interface RegistrationNeeds {
  readonly token: "no" | "optional" | "required";
  /** For a language of the page. */
  terms(language: string): readonly TermsDocument[];
}

export interface NewAccount {
  /** Empty: the server makes an anonymous ID of eight characters. */
  readonly username: string;
  readonly password: string;
  readonly token: string;
  readonly areTermsAccepted: boolean;
}

/** What can be done before one is signed in. Everything fails with a `Problem`. */
export interface Arrival {
  loadNeeds(): Promise<RegistrationNeeds>;
  checkUsername(username: string, signal: AbortSignal): Promise<"free" | "taken" | "invalid">;
  register(account: NewAccount): Promise<Session>;
  /** `deviceId`: of a session that has ended but keeps its device. */
  logIn(user: string, password: string, deviceId?: string): Promise<Session>;
  /** With a one-time token that a signed-in device made. */
  logInWithToken(token: string): Promise<Session>;
  /** Returns the user ID. */
  resetPassword(token: string, password: string): Promise<string>;
}
