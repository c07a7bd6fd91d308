import { type ReactNode, useCallback, useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Engine } from "@/domain/engine";
import { ArriveFrame } from "@/views/arrive/ArriveFrame";
import { ConfirmKeys } from "@/views/arrive/ConfirmKeys";
import { ProblemNote } from "@/views/arrive/ProblemNote";
import { RestoreKeys } from "@/views/arrive/RestoreKeys";
import { SessionEnded } from "@/views/arrive/SessionEnded";
import { SaveRecoveryKey } from "@/views/arrive/SaveRecoveryKey";
import { Button } from "@/views/common/Button";
import { EmptyState } from "@/views/common/EmptyState";
import { Waiting } from "@/views/common/Waiting";
import { PictureContext } from "@/views/common/picture_context";
import { MediaProvider } from "@/views/media/media_context";
import { buildPictureLoader } from "@/views/media/picture_loader";
import { VerificationDialogs } from "@/views/trust/VerificationDialogs";
import { useReadable } from "@/views/use_readable";
import { useApp } from "./app_context";
import type { EngineState } from "./app_model";
import { EngineContext } from "./engine_context";
import { Home } from "./home";
import { WarmHome } from "./warm_home";
import css from "./signed_in.module.css";

/** Waits for the engine in words, and says what stands in its way. */
function NotRunning({ state }: { readonly state: Exclude<EngineState, { state: "running" }> }) {
  const { t } = useTranslation();
  const { model } = useApp();
  if (state.state === "elsewhere") {
    return (
      <EmptyState title={t("shell.elsewhereTitle")} action={<Button variant="primary" autoFocus onClick={() => void model.restartEngine()}>{t("shell.useHere")}</Button>}>
        {t("shell.elsewhere")}
      </EmptyState>
    );
  }
  if (state.state === "failed") {
    return (
      <div className={css.failed}>
        <ProblemNote problem={state.problem} />
        <Button variant="primary" autoFocus onClick={() => void model.restartEngine()}>{t("ui.retry")}</Button>
      </div>
    );
  }
  return <Waiting sentence={t("shell.starting")} />;
}

/**
 * The step between signing in and chatting: a recovery key is saved where there is none, and given where there is one.
 * What is to be done follows from the keys, not from how one got here: an account made by another app may have none.
 */
function WelcomeStep({ engine }: { readonly engine: Engine }) {
  const { t } = useTranslation();
  const { model } = useApp();
  const keys = useReadable(engine.keys.state);
  // Once the key is on the screen the state says "ready", and the key must stay there until it is saved.
  const [isSaving, setIsSaving] = useState(false);
  const finish = useCallback(() => void model.finishWelcome(), [model]);
  const create = useCallback(() => engine.keys.createRecoveryKey(), [engine]);
  const setUp = useCallback((password: string) => engine.keys.setUp(password), [engine]);
  const restore = useCallback(async (key: string) => void (await engine.keys.restore(key)), [engine]);
  const verify = useCallback(() => void engine.verify("own-devices"), [engine]);
  useEffect(() => {
    if (keys.state === "no-recovery") setIsSaving(true);
    else if ((keys.state === "ready" || keys.state === "no-backup") && !isSaving) finish();
  }, [keys.state, isSaving, finish]);
  if (isSaving) return <ArriveFrame><SaveRecoveryKey userId={engine.userId} create={create} onDone={finish} /></ArriveFrame>;
  if (keys.state === "needs-password") return <ArriveFrame><ConfirmKeys userId={engine.userId} setUp={setUp} onLater={finish} /></ArriveFrame>;
  if (keys.state === "needs-recovery") {
    return <ArriveFrame><RestoreKeys restore={restore} verify={keys.canVerifyWithDevice ? verify : undefined} onDone={finish} /></ArriveFrame>;
  }
  return (
    <ArriveFrame>
      <Waiting sentence={t("arrive.keyMaking")} />
      <Button wide onClick={finish}>{t("arrive.keyLater")}</Button>
    </ArriveFrame>
  );
}

/** Who has been shut out sees why, instead of chats that stand still. */
function Running({ engine, children }: { readonly engine: Engine; readonly children: ReactNode }) {
  const connection = useReadable(engine.connection);
  return connection.state === "ended" ? <SessionEnded engine={engine} reason={connection.reason} /> : children;
}

export default function SignedIn() {
  const { model } = useApp();
  const state = useReadable(model.engine);
  const welcome = useReadable(model.welcome);
  const active = useReadable(model.active);
  const media = state.state === "running" ? state.account.media : null;
  const pictures = useMemo(() => media && buildPictureLoader(media), [media]);
  if (state.state !== "running") {
    const waiting = <main className={css.middle}><NotRunning state={state} /></main>;
    return active !== null && welcome === null && (state.state === "none" || state.state === "starting") ? <WarmHome userId={active.userId} otherwise={waiting} /> : waiting;
  }
  return (
    <Running engine={state.account.engine}><EngineContext value={state.account.engine}>
      <MediaProvider value={state.account.media}>
        <PictureContext value={pictures}>
          {welcome === null ? <Home /> : <WelcomeStep engine={state.account.engine} />}
          <VerificationDialogs engine={state.account.engine} />
        </PictureContext>
      </MediaProvider>
    </EngineContext></Running>
  );
}
