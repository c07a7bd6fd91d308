import { useCallback } from "react";
import { useTranslation } from "react-i18next";
import type { Engine } from "@/domain/engine";
import { ArriveFrame } from "@/views/arrive/ArriveFrame";
import { ProblemNote } from "@/views/arrive/ProblemNote";
import { RestoreKeys } from "@/views/arrive/RestoreKeys";
import { SaveRecoveryKey } from "@/views/arrive/SaveRecoveryKey";
import { Button } from "@/views/common/Button";
import { EmptyState } from "@/views/common/EmptyState";
import { Waiting } from "@/views/common/Waiting";
import { useReadable } from "@/views/use_readable";
import { useApp } from "./app_context";
import type { EngineState, Welcome } from "./app_model";
import { EngineContext } from "./engine_context";
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

/** The step between signing in and chatting. */
function WelcomeStep({ engine, welcome }: { readonly engine: Engine; readonly welcome: Welcome }) {
  const { model } = useApp();
  const finish = useCallback(() => void model.finishWelcome(), [model]);
  const create = useCallback(() => engine.keys.createRecoveryKey(), [engine]);
  const restore = useCallback((key: string) => engine.keys.restore(key), [engine]);
  return (
    <ArriveFrame>
      {welcome === "new"
        ? <SaveRecoveryKey userId={engine.userId} create={create} onDone={finish} />
        : <RestoreKeys restore={restore} onDone={finish} />}
    </ArriveFrame>
  );
}

export default function SignedIn() {
  const { model } = useApp();
  const state = useReadable(model.engine);
  const welcome = useReadable(model.welcome);
  if (state.state !== "running") return <main className={css.middle}><NotRunning state={state} /></main>;
  if (welcome !== null) return <WelcomeStep engine={state.engine} welcome={welcome} />;
  return <EngineContext value={state.engine}><main className={css.middle} data-home /></EngineContext>;
}
