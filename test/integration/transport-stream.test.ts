import { onAwaited, onDialled } from './support/stream.js';
import { behavesLikeATransport } from './support/transport-behaviour.js';

behavesLikeATransport('stream', onDialled);
behavesLikeATransport('stream, dialled by the receiver', onAwaited);
