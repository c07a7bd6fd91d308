import { lazy, Suspense, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Arrive } from "@/views/arrive/Arrive";
import { Button } from "@/views/common/Button";
import { EmptyState } from "@/views/common/EmptyState";
import { ErrorBoundary } from "@/views/common/ErrorBoundary";
import { UiRoot } from "@/views/common/UiRoot";
import { Waiting } from "@/views/common/Waiting";
import { useReadable } from "@/views/use_readable";
import { useApp } from "./app_context";
import { appLock } from "./app_lock";
import { findSignedIn } from "./load_signed_in";
import { navigate, useRoute } from "./navigation";
import type { Route } from "./routes";

const LockScreen = lazy(() => import("@/views/settings/LockScreen"));

function needsArrival(route: Route): boolean {
  return route.page === "register" || route.page === "login" || route.page === "reset-password";
}

/** A failure that nothing nearer has caught: a sentence and a way on. */
export function ScreenBoundary({ children, resetKey }: { readonly children: ReactNode; readonly resetKey?: unknown }) {
  const { t } = useTranslation();
  const [tries, setTries] = useState(0);
  const fallback = (
    <EmptyState title={t("shell.failedTitle")} action={<Button variant="primary" onClick={() => setTries(tries + 1)}>{t("ui.retry")}</Button>}>
      {t("shell.crashed")}
    </EmptyState>
  );
  return <ErrorBoundary fallback={fallback} resetKey={`${tries} ${String(resetKey)}`} onError={console.error}>{children}</ErrorBoundary>;
}

function Screen() {
  const { t } = useTranslation();
  const { model } = useApp();
  const route = useRoute();
  const active = useReadable(model.active);
  const { isLocked } = useReadable(appLock.state);
  const [SignedIn] = useState(findSignedIn);
  // In place of everything, so that nothing of it is in the page.
  if (isLocked) return <Suspense fallback={<Waiting sentence={t("shell.starting")} />}><LockScreen /></Suspense>;
  if (active === null || needsArrival(route)) return <Arrive onCancel={active === null ? undefined : () => navigate({ page: "home" }, true)} />;
  return (
    <Suspense fallback={<Waiting sentence={t("shell.starting")} />}>
      <SignedIn key={active.userId} />
    </Suspense>
  );
}

export function App() {
  return (
    <UiRoot>
      <ScreenBoundary>
        <Screen />
      </ScreenBoundary>
    </UiRoot>
  );
}
