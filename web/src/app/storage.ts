export { askForPersistence, measureApp, readPersistence, type Persistence } from "@/platform/storage";
