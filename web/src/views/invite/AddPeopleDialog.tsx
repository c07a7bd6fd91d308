import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import type { Person } from "@/domain/engine";
import { Button } from "../common/Button";
import { Dialog } from "../common/Dialog";
import { showToast, useShowProblem } from "../common/Toasts";
import { PeoplePicker } from "./PeoplePicker";

const AT_ONCE_MAX = 50;

/** Invites people to a room. */
export function AddPeopleDialog({ roomId, onClose }: { readonly roomId: string; readonly onClose: () => void }) {
  const { t } = useTranslation();
  const engine = useEngine();
  const showProblem = useShowProblem();
  const [people, setPeople] = useState<readonly Person[]>([]);
  const [isBusy, setBusy] = useState(false);
  const invite = () => {
    setBusy(true);
    engine.openChat(roomId).invite(people.map(({ userId }) => userId)).then(
      () => { showToast({ text: t("invite.sent", { count: people.length }) }); onClose(); },
      (problem: unknown) => { setBusy(false); showProblem(problem); },
    );
  };
  return (
    <Dialog open onOpenChange={onClose} title={t("info.add_people")} footer={<Button variant="primary" disabled={people.length === 0} busy={isBusy && t("invite.sending")} onClick={invite}>{t("invite.send")}</Button>}>
      <PeoplePicker chosen={people} max={AT_ONCE_MAX} onChange={setPeople} />
    </Dialog>
  );
}
