import { useTranslation } from "react-i18next";
import { Dialog } from "../common/Dialog";
import { PersonInfo } from "./PersonInfo";

/** Somebody met in a message, a card, a code or a link. */
export function PersonDialog({ userId, onClose, onOpenChat }: { readonly userId: string; readonly onClose: () => void; readonly onOpenChat: (roomId: string) => void }) {
  const { t } = useTranslation();
  return (
    <Dialog open onOpenChange={onClose} title={t("info.person")}>
      <div data-person-dialog={userId}><PersonInfo key={userId} userId={userId} onOpenChat={onOpenChat} /></div>
    </Dialog>
  );
}
