import { partName } from '../../src/core/transport/send-file.js';
import { PART_KIND } from '../../src/core/transport/stream/target.js';
import { onAwaited, onDialled } from './support/stream.js';
import { behavesLikeATransport } from './support/transport-behaviour.js';

const part = (name: string, sha256: string) => partName(name, sha256, PART_KIND);

behavesLikeATransport('stream', onDialled, { part });
behavesLikeATransport('stream, dialled by the receiver', onAwaited, { part });
