import { lazy, Suspense, useEffect, useRef, type ComponentType } from "react";
import { ArrowLeft, BellRing, BookKey, DatabaseBackup, Eye, HardDrive, Info, KeyRound, LockKeyhole, MonitorSmartphone, Palette, ShieldCheck, Trash2, UserRound, Users, X, type LucideIcon } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import { Avatar } from "../common/Avatar";
import { ErrorBoundary } from "../common/ErrorBoundary";
import { EmptyState } from "../common/EmptyState";
import { classNames } from "../common/class_names";
import { IconButton } from "../common/IconButton";
import { Waiting } from "../common/Waiting";
import { usePanes } from "../layout/use_width";
import { useReadable } from "../use_readable";
import css from "./settings.module.css";

interface Page {
  readonly section: string;
  readonly icon: LucideIcon;
  readonly danger?: boolean;
  readonly view: ComponentType;
}

const GROUPS: readonly { readonly key: string; readonly pages: readonly Page[] }[] = [
  {
    key: "account",
    pages: [
      { section: "profile", icon: UserRound, view: lazy(() => import("./ProfilePage")) },
      { section: "accounts", icon: Users, view: lazy(() => import("./AccountsPage")) },
      { section: "password", icon: KeyRound, view: lazy(() => import("./PasswordPage")) },
    ],
  },
  {
    key: "safety",
    pages: [
      { section: "privacy", icon: ShieldCheck, view: lazy(() => import("./PrivacyPage")) },
      { section: "lock", icon: LockKeyhole, view: lazy(() => import("./LockPage")) },
      { section: "sessions", icon: MonitorSmartphone, view: lazy(() => import("./SessionsPage")) },
      { section: "keys", icon: BookKey, view: lazy(() => import("./KeysPage")) },
    ],
  },
  {
    key: "app",
    pages: [
      { section: "notifications", icon: BellRing, view: lazy(() => import("./NotificationsPage")) },
      { section: "appearance", icon: Palette, view: lazy(() => import("./AppearancePage")) },
      { section: "storage", icon: HardDrive, view: lazy(() => import("./StoragePage")) },
    ],
  },
  {
    key: "data",
    pages: [
      { section: "known", icon: Eye, view: lazy(() => import("./KnownPage")) },
      { section: "export", icon: DatabaseBackup, view: lazy(() => import("./ExportPage")) },
      { section: "about", icon: Info, view: lazy(() => import("./AboutPage")) },
      { section: "delete", icon: Trash2, danger: true, view: lazy(() => import("./DeletePage")) },
    ],
  },
];
const PAGES = GROUPS.flatMap(({ pages }) => pages);

export interface SettingsProps {
  /** Empty: the menu; beside it, where there is room, the first page. */
  readonly section: string;
  readonly onOpen: (section: string) => void;
  readonly onClose: () => void;
}

/** Menu and page: side by side where there is room, one after the other where there is not. */
export function Settings({ section, onOpen, onClose }: SettingsProps) {
  const isWide = usePanes() > 1;
  const known = PAGES.find((page) => page.section === section);
  const page = known ?? (isWide ? PAGES[0] : undefined);
  return (
    <div className={css.frame} data-settings={page?.section ?? ""}>
      {isWide && <SettingsMenu current={page?.section} onClose={onClose} />}
      {!isWide && page === undefined && <main className={css.alone}><SettingsMenu current={undefined} onClose={onClose} /></main>}
      {page && <PageFrame page={page} onBack={isWide ? undefined : () => onOpen("")} />}
    </div>
  );
}

function SettingsMenu({ current, onClose }: { readonly current: string | undefined; readonly onClose: () => void }) {
  const { t } = useTranslation();
  const profile = useReadable(useEngine().profile);
  const menu = useRef<HTMLElement>(null);
  useEffect(() => {
    // Newer browsers return a promise from it, which React would take for a clean-up.
    void menu.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  }, [current]);
  return (
    <nav ref={menu} className={css.menu} aria-label={t("chats.settings")}>
      <div className={css.top}>
        <h1 className={css.title}>{t("chats.settings")}</h1>
        <IconButton label={t("settings.close")} icon={X} onClick={onClose} />
      </div>
      <div className={css.me}>
        <Avatar id={profile.userId} name={profile.name} {...(profile.avatar ? { source: profile.avatar } : {})} size={56} />
        <div className={css.meText}>
          <bdi className={css.meName}>{profile.name}</bdi>
          <bdi className={css.meId} dir="ltr">{profile.userId}</bdi>
        </div>
      </div>
      {GROUPS.map(({ key, pages }) => (
        <div key={key}>
          <h2 className={css.group}>{t(`settings.group_${key}`)}</h2>
          <ul className={css.entries}>
            {pages.map(({ section, icon: Icon, danger }) => (
              <li key={section}>
                <a className={classNames(css.entry, danger && css.dangerEntry)} href={`#/settings/${section}`} aria-current={section === current ? "page" : undefined}>
                  <Icon size={20} aria-hidden="true" />
                  <span>{t(`settings.page_${section}`)}</span>
                </a>
              </li>
            ))}
          </ul>
        </div>
      ))}
    </nav>
  );
}

function PageFrame({ page, onBack }: { readonly page: Page; readonly onBack: (() => void) | undefined }) {
  const { t } = useTranslation();
  const title = useRef<HTMLHeadingElement>(null);
  // What a page shows is read from its beginning, by eyes and by screen readers.
  useEffect(() => title.current?.focus(), [page.section]);
  const View = page.view;
  return (
    <main className={css.page} key={page.section} data-page={page.section}>
      <div className={css.top}>
        {onBack && <IconButton label={t("ui.back")} icon={ArrowLeft} mirrored onClick={onBack} />}
        <h1 className={css.title} ref={title} tabIndex={-1}>{t(`settings.page_${page.section}`)}</h1>
      </div>
      <div className={css.content}>
        <ErrorBoundary resetKey={page.section} onError={console.error} fallback={<EmptyState title={t("shell.failedTitle")}>{t("shell.crashed")}</EmptyState>}>
          <Suspense fallback={<Waiting sentence={t("settings.opening")} />}><View /></Suspense>
        </ErrorBoundary>
      </div>
    </main>
  );
}
