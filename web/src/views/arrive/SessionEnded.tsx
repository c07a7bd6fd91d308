import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useApp } from "@/app/app_context";
import { navigate } from "@/app/navigation";
import type { Connection, Engine } from "@/domain/engine";
import { Button } from "@/views/common/Button";
import css from "./ArriveForm.module.css";
import { ArriveFrame } from "./ArriveFrame";
import { PasswordField } from "./PasswordField";
import { ProblemNote } from "./ProblemNote";
import { useSubmit } from "./use_submit";

interface SessionEndedProps {
  readonly engine: Engine;
  readonly reason: Extract<Connection, { state: "ended" }>["reason"];
}

/** Why the account does not work here any more, and the way back. Nothing of this device is deleted before somebody says so. */
export function SessionEnded({ engine, reason }: SessionEndedProps) {
  const { t } = useTranslation();
  const { arrival, model } = useApp();
  const [password, setPassword] = useState("");
  const again = useSubmit(async () => await model.add(await arrival.logIn(engine.userId, password, engine.deviceId), "restore"));
  const retry = useSubmit(() => model.restartEngine());
  const remove = useSubmit(() => model.remove(engine.userId, true));
  return (
    <ArriveFrame>
      <form className={css.form} onSubmit={again.run} noValidate>
        <div className={css.heading}>
          <h1 className={css.title}>{t(`ended.${reason}_title`)}</h1>
          <p className={css.intro}>{t(`ended.${reason}`)}</p>
          <p><bdi dir="ltr"><strong>{engine.userId}</strong></bdi></p>
        </div>
        {reason === "expired" && <>
          <PasswordField label={t("arrive.password")} value={password} onChange={setPassword} autoFocus />
          <ProblemNote problem={again.problem} />
          <Button type="submit" variant="primary" wide busy={again.isBusy && t("arrive.loggingIn")}>{t("arrive.logIn")}</Button>
        </>}
        {reason === "locked" && <Button variant="primary" wide autoFocus onClick={() => retry.run()} busy={retry.isBusy && t("connection.starting")}>{t("ui.retry")}</Button>}
        {reason === "logged-out" && <Button variant="primary" wide autoFocus onClick={() => navigate({ page: "login", token: "", userId: engine.userId })}>{t("ended.log_in_again")}</Button>}
        <ProblemNote problem={remove.problem} />
        <Button wide onClick={() => remove.run()} busy={remove.isBusy && t("ended.removing")}>{t("ended.remove")}</Button>
      </form>
    </ArriveFrame>
  );
}
