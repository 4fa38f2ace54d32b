import { lstatSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { classifyDiskError } from '../core/utilities/disk.js';
import { inOrder } from '../core/utilities/in-order.js';
import { addSums, fitsHeader, fitsPadding, type Card } from './sample-fits.js';

/** The columns of an image; CHAI's are spectral channels. */
const CHANNELS = 512;
const DETECTORS = 64;
const WORD = 4;
/** Words of the noise that all images of one module are cut from. */
const NOISE_WORDS = 512 * CHANNELS;
const FILES_AT_ONCE = 4;
const MJD_OF_EPOCH = 40587;

type Module = 'CHAI' | 'Prime-Cam';

/** One executed observation unit of the sample night. */
interface Unit {
  start: string;
  folder: string;
  object: string;
  ra: number;
  dec: number;
  modules: Module[];
}

const UNITS: Unit[] = [
  {
    start: '2026-11-23T01:30:12',
    folder: 'Pointing_Mars',
    object: 'Mars',
    ra: 152.318,
    dec: 13.872,
    modules: ['CHAI', 'Prime-Cam'],
  },
  {
    start: '2026-11-23T02:14:07',
    folder: 'CHAI_Orion-KL',
    object: 'Orion KL',
    ra: 83.8104,
    dec: -5.3752,
    modules: ['CHAI'],
  },
  {
    start: '2026-11-23T03:52:51',
    folder: 'CHAI_IRC+10216',
    object: 'IRC+10216',
    ra: 146.9892,
    dec: 13.2788,
    modules: ['CHAI'],
  },
  {
    start: '2026-11-23T05:20:33',
    folder: 'Prime-Cam_COSMOS',
    object: 'COSMOS',
    ra: 150.1191,
    dec: 2.2058,
    modules: ['Prime-Cam'],
  },
  {
    start: '2026-11-23T07:11:18',
    folder: 'Prime-Cam_E-CDFS',
    object: 'E-CDFS',
    ra: 53.1167,
    dec: -27.8083,
    modules: ['Prime-Cam'],
  },
];

/** One file of the sample: where, and how to write what. */
interface SampleFile {
  path: string;
  bytes: number;
  content: Buffer[];
}

/** Noise of one module, as the bytes of a file, with the sums of all words before each one. */
interface Noise {
  bytes: Buffer;
  sums: Float64Array;
}

/**
 * Writes the sample observation: FITS files of CHAI (rows of spectra) and Prime-Cam (detector timelines) in the folders of
 * five executed observation units, with a log in most of them. The same seed gives the same bytes; files that are there
 * in full size are left alone. Answers with the number of files and their bytes, about those asked for.
 */
export async function writeSampleObservation(
  directory: string,
  options: { files?: number; bytes?: number; seed?: number } = {},
): Promise<{ files: number; bytes: number }> {
  const { files = 150, bytes = 200e6, seed = 20261123 } = options;
  const random = randomNumbers(seed);
  const noise = { CHAI: spectralNoise(random), 'Prime-Cam': timelineNoise(random) };
  const written = { files: 0, bytes: 0 };
  const plan = planFiles(files, bytes, noise, random);
  for await (const file of inOrder(plan, FILES_AT_ONCE, (planned) => writeOnce(directory, planned))) {
    written.files += 1;
    written.bytes += file.bytes;
  }
  return written;
}

/** The files of all units in turn. Their random numbers are drawn in this order, whatever is on disk already. */
function* planFiles(
  files: number,
  bytes: number,
  noise: Record<Module, Noise>,
  random: () => number,
): Generator<SampleFile> {
  for (const [index, unit] of UNITS.entries()) {
    const count =
      Math.floor(((index + 1) * files) / UNITS.length) - Math.floor((index * files) / UNITS.length);
    const folder = `${unit.start.replaceAll(':', '-')}_${unit.folder}`;
    for (let scan = 1; scan <= count; scan += 1) {
      const isLog = unit.modules.length === 1 && scan > 1 && scan === count;
      yield isLog
        ? logFile(unit, folder, random)
        : imageFile(unit, folder, scan, bytes / files, noise, random);
    }
  }
}

/** Images share the bytes equally but that a timeline is twice as large as a spectrum. */
function imageFile(
  unit: Unit,
  folder: string,
  scan: number,
  meanBytes: number,
  noise: Record<Module, Noise>,
  random: () => number,
): SampleFile {
  const module = unit.modules[scan % unit.modules.length] ?? 'CHAI';
  const share = module === 'CHAI' ? 2 / 3 : 4 / 3;
  const columns =
    module === 'CHAI' ? CHANNELS : Math.max(1, Math.round((meanBytes * share) / (DETECTORS * WORD)));
  const rows =
    module === 'CHAI' ? Math.max(1, Math.round((meanBytes * share) / (CHANNELS * WORD))) : DETECTORS;
  const data = cut(noise[module], columns * rows, Math.floor(random() * 512) * CHANNELS);
  const header = fitsHeader(
    module === 'CHAI' ? chaiCards(unit, scan, columns, rows) : primeCamCards(unit, scan, columns, rows),
    data.sum,
  );
  const content = [header, ...data.pieces, fitsPadding(columns * rows * WORD)];
  const number = String(scan).padStart(4, '0');
  const name = module === 'CHAI' ? `spectra/chai_${number}.fits` : `timelines/primecam_280GHz_${number}.fits`;
  return { path: join(folder, name), bytes: content.reduce((sum, piece) => sum + piece.length, 0), content };
}

function logFile(unit: Unit, folder: string, random: () => number): SampleFile {
  const start = Date.parse(`${unit.start}Z`);
  const lines = Array.from({ length: 240 }, (_, index) => {
    const time = new Date(start + index * 15_000).toISOString();
    return `${time} pwv_mm=${(0.4 + 0.2 * random()).toFixed(3)} ambient_C=${(-8 + random()).toFixed(2)} wind_m_s=${(5 + 4 * random()).toFixed(1)}\n`;
  });
  const content = Buffer.from(lines.join(''));
  return { path: join(folder, 'housekeeping', 'telescope.log'), bytes: content.length, content: [content] };
}

function chaiCards(unit: Unit, scan: number, columns: number, rows: number): Card[] {
  return [
    ...imageCards(-32, columns, rows),
    ...observationCards(unit, scan, 'CHAI', 20),
    ['BUNIT', 'K', 'antenna temperature'],
    ['LINE', 'CO(4-3)', 'spectral line'],
    ['RESTFRQ', 461040768000, '[Hz] rest frequency of the line'],
    ['CTYPE1', 'FREQ', 'frequency along a row'],
    ['CUNIT1', 'Hz', ''],
    ['CRPIX1', columns / 2, ''],
    ['CRVAL1', 461040768000, ''],
    ['CDELT1', 1953125, 'width of a channel'],
    ['CTYPE2', 'SPECTRUM', 'number of the spectrum'],
  ];
}

function primeCamCards(unit: Unit, scan: number, columns: number, rows: number): Card[] {
  return [
    ...imageCards(32, columns, rows),
    ...observationCards(unit, scan, 'Prime-Cam', 30),
    ['BUNIT', 'count', 'frequency shift of the resonator'],
    ['BAND', '280GHz', 'band of the detectors'],
    ['NDET', rows, 'detectors, one in a row'],
    ['CTYPE1', 'TIME', 'time along a row'],
    ['CUNIT1', 's', ''],
    ['CRPIX1', 1, ''],
    ['CRVAL1', 0, ''],
    ['CDELT1', 0.00390625, 'sampled 256 times a second'],
  ];
}

function imageCards(bitpix: number, columns: number, rows: number): Card[] {
  return [
    ['SIMPLE', true, 'conforms to FITS'],
    ['BITPIX', bitpix, 'bits of a value; negative: floating point'],
    ['NAXIS', 2, 'axes'],
    ['NAXIS1', columns, ''],
    ['NAXIS2', rows, ''],
  ];
}

function observationCards(unit: Unit, scan: number, instrument: Module, exposure: number): Card[] {
  const time = Date.parse(`${unit.start}Z`) + (scan - 1) * (exposure + 5) * 1000;
  return [
    ['TELESCOP', 'FYST', 'Fred Young Submillimeter Telescope'],
    ['INSTRUME', instrument, 'instrument'],
    ['OBJECT', unit.object, 'target'],
    ['OBS_ID', `${unit.start}/${unit.folder}`.slice(0, 40), 'executed observation unit'],
    ['SCAN', scan, 'number of the scan in its unit'],
    ['DATE-OBS', new Date(time).toISOString().slice(0, 23), 'begin of the scan'],
    ['TIMESYS', 'UTC', ''],
    ['MJD-OBS', Number((time / 86_400_000 + MJD_OF_EPOCH).toFixed(8)), '[d] begin of the scan'],
    ['EXPTIME', exposure, '[s] on source'],
    ['RADESYS', 'ICRS', ''],
    ['RA', unit.ra, '[deg] right ascension'],
    ['DEC', unit.dec, '[deg] declination'],
  ];
}

/** Spectra of noise with one line in the middle, as 32-bit floating point. */
function spectralNoise(random: () => number): Noise {
  const bytes = Buffer.allocUnsafe(NOISE_WORDS * WORD);
  for (let index = 0; index < NOISE_WORDS; index += 1) {
    const channel = (index % CHANNELS) - CHANNELS / 2;
    bytes.writeFloatBE(12 * Math.exp(-((channel / 20) ** 2)) + random() + random() - 1, index * WORD);
  }
  return withSums(bytes);
}

/** Slow drifts under noise, as 32-bit integers. */
function timelineNoise(random: () => number): Noise {
  const bytes = Buffer.allocUnsafe(NOISE_WORDS * WORD);
  for (let index = 0; index < NOISE_WORDS; index += 1) {
    bytes.writeInt32BE(
      Math.round(20_000 * Math.sin(index / 4096) + 800 * (random() + random() - 1)),
      index * WORD,
    );
  }
  return withSums(bytes);
}

function withSums(bytes: Buffer): Noise {
  const sums = new Float64Array(NOISE_WORDS + 1);
  for (let index = 0; index < NOISE_WORDS; index += 1)
    sums[index + 1] = (sums[index] ?? 0) + bytes.readUInt32BE(index * WORD);
  return { bytes, sums };
}

/** That many words of the noise from a place on, over and over; nothing is copied. */
function cut(noise: Noise, words: number, from: number): { pieces: Buffer[]; sum: number } {
  const pieces: Buffer[] = [];
  let sum = 0;
  let start = from % NOISE_WORDS;
  for (let left = words; left > 0; start = 0) {
    const end = Math.min(start + left, NOISE_WORDS);
    pieces.push(noise.bytes.subarray(start * WORD, end * WORD));
    sum = addSums(sum, (noise.sums[end] ?? 0) - (noise.sums[start] ?? 0));
    left -= end - start;
  }
  return { pieces, sum };
}

async function writeOnce(directory: string, file: SampleFile): Promise<SampleFile> {
  const path = join(directory, file.path);
  try {
    if (lstatSync(path, { throwIfNoEntry: false })?.size === file.bytes) return file;
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, file.content);
  } catch (error) {
    throw classifyDiskError(error, { operation: 'sample_observation', subject: path });
  }
  return file;
}

/** Numbers from 0 to 1 that depend on the seed alone (a 32-bit linear congruential generator, mixed). */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const mixed = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d);
    return ((mixed ^ (mixed >>> 13)) >>> 0) / 2 ** 32;
  };
}
