/** What journeys are told when they start: what activities find, and what workflows take as their input. */

/** A location, as much as is needed to find its queues. */
export interface Place {
  site: string;
  location: string;
}

export interface RawDataPackageCreationInput {
  packageId: string;
  name: string;
  observation: string;
  source: Place & { locationId: string };
}

export interface DataTransferInput {
  dataTransferId: string;
  name: string;
  origin: Place;
  destination: Place;
  observations: string[];
  packages: string[];
}

export interface LongTermArchiveTransferInput {
  packageId: string;
  name: string;
  observation: string;
  archive: Place;
}

/** Where something of a package is due to be freed, and which archives have to answer for it first. */
export interface DeletionOrder {
  archives: Place[];
  targets: Place[];
}

export interface DeletionInput {
  packageId: string;
  name: string;
  observation: string;
  /** What its planner has just found. Absent from those that began before 2026-12: they ask for it themselves. */
  order?: DeletionOrder;
}
