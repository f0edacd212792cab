// The peer that Wardroom is measured against: stock Socket.IO 4 for Node, one process, in-memory
// adapter, with the same handlers. It does what a careful team would write in its place, and must
// not be tuned or hobbled beyond that.
//
// Environment: PUBLIC_PORT (Socket.IO), INTERNAL_PORT (HTTP API), SECRET (HS256), API_KEY.
'use strict'

const http = require('node:http')
const jwt = require('jsonwebtoken')
const { Server } = require('socket.io')

const { PUBLIC_PORT, INTERNAL_PORT, SECRET, API_KEY } = process.env
const AUTH_DEADLINE_MS = 10_000
const BODY_LIMIT_BYTES = 8 * 1024 * 1024
const RANK = { offline: 0, idle: 1, online: 2 }
const MEDIA_FLAGS = ['microphone', 'speakers', 'screen', 'camera', 'speaking']
const MEDIA_DEFAULTS = { microphone: false, speakers: true, screen: false, camera: false, speaking: false }

// workspace id -> { members: Map(user id -> user), channels: Map(channel id -> {private, members}),
//                   sessions: Map(user id -> {sockets: Map(socket -> status), status, selection}) }
const workspaces = new Map()

class Refusal extends Error {
  constructor(code, message) {
    super(message)
    this.code = code
  }
}

function workspaceOf(id) {
  let workspace = workspaces.get(id)
  if (!workspace) {
    workspace = { members: new Map(), channels: new Map(), sessions: new Map() }
    workspaces.set(id, workspace)
  }
  return workspace
}

const publicServer = http.createServer((_request, response) => {
  response.writeHead(404)
  response.end()
})
const io = new Server(publicServer, { transports: ['polling', 'websocket'], serveClient: false })

const room = (workspaceId) => `w:${workspaceId}`
const userRoom = (workspaceId, userId) => `u:${workspaceId}:${userId}`

/** The sockets that may see what happens in a channel. */
function audience(workspaceId, channelId) {
  const channel = workspaces.get(workspaceId)?.channels.get(channelId)
  if (!channel?.private) return io.to(room(workspaceId))
  return io.to([...channel.members].map((userId) => userRoom(workspaceId, userId)))
}

function combinedStatus(session) {
  let best = 'offline'
  for (const status of session.sockets.values()) if (RANK[status] > RANK[best]) best = status
  return best
}

function announceStatus(workspaceId, userId, session) {
  const onlineStatus = combinedStatus(session)
  if (onlineStatus === session.status) return
  session.status = onlineStatus
  io.to(room(workspaceId)).emit('online-status-updated', { userId, onlineStatus })
}

function unselect(workspaceId, userId, session) {
  const { channelId } = session.selection
  session.selection = null
  audience(workspaceId, channelId).emit('user-unselected-channel', { userId, channelId })
}

/** Forgets a socket's connection to its workspace and tells the others what changed. */
function leave(socket) {
  const { workspaceId, userId } = socket.data
  if (!workspaceId) return
  socket.data.workspaceId = undefined
  const workspace = workspaces.get(workspaceId)
  const session = workspace?.sessions.get(userId)
  if (!session) return
  socket.leave(room(workspaceId))
  socket.leave(userRoom(workspaceId, userId))
  session.sockets.delete(socket)
  if (session.selection?.socket === socket) unselect(workspaceId, userId, session)
  announceStatus(workspaceId, userId, session)
  if (session.sockets.size === 0) workspace.sessions.delete(userId)
}

function auth(socket, data) {
  const { token, workspaceId, onlineStatus = 'online' } = data
  if (typeof token !== 'string' || typeof workspaceId !== 'string' || !(onlineStatus in RANK)) {
    throw new Refusal('invalid-data', 'token, workspaceId and onlineStatus are expected')
  }
  let claims
  try {
    claims = jwt.verify(token, SECRET, { algorithms: ['HS256'] })
  } catch (error) {
    throw new Refusal(error.name === 'TokenExpiredError' ? 'token-expired' : 'invalid-token', 'the token is not valid')
  }
  const userId = claims.sub
  const workspace = workspaces.get(workspaceId)
  if (!workspace?.members.has(userId)) throw new Refusal('workspace-forbidden', 'not a member')
  leave(socket)
  clearTimeout(socket.data.deadline)
  socket.data.workspaceId = workspaceId
  socket.data.userId = userId
  let session = workspace.sessions.get(userId)
  if (!session) {
    session = { sockets: new Map(), status: 'offline', selection: null }
    workspace.sessions.set(userId, session)
  }
  session.sockets.set(socket, onlineStatus)
  socket.join([room(workspaceId), userRoom(workspaceId, userId)])
  const success = { userId }
  if (typeof data.transaction === 'string') success.transaction = data.transaction
  socket.emit('auth-success', success)
  announceStatus(workspaceId, userId, session)
  return { userId, workspaceId, socketId: socket.id }
}

function mediaPatch(value) {
  if (value === undefined) return {}
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Refusal('invalid-data', 'userMediaState is not an object')
  }
  for (const flag of MEDIA_FLAGS) {
    if (flag in value && typeof value[flag] !== 'boolean') throw new Refusal('invalid-data', `${flag} is not a boolean`)
  }
  return value
}

function selectChannel(socket, data, { workspaceId, userId, workspace, session }) {
  const { channelId } = data
  const channel = workspace.channels.get(channelId)
  if (!channel || (channel.private && !channel.members.has(userId))) {
    throw new Refusal('channel-not-found', 'no such channel')
  }
  const former = session.selection
  if (former?.channelId === channelId && former.socket === socket) return
  const userMediaState = { ...MEDIA_DEFAULTS, ...mediaPatch(data.userMediaState) }
  if (former && former.channelId !== channelId) unselect(workspaceId, userId, session)
  session.selection = { channelId, socket, userMediaState }
  audience(workspaceId, channelId).emit('user-selected-channel', { userId, channelId, userMediaState })
  if (former && former.socket !== socket) io.to(userRoom(workspaceId, userId)).emit('user-changed-device', null)
}

function holder(socket, session) {
  if (!session.selection) throw new Refusal('channel-not-selected', 'no channel is selected')
  if (session.selection.socket !== socket) throw new Refusal('selected-on-another-device', 'another device holds it')
}

function unselectChannel(socket, _data, { workspaceId, userId, session }) {
  holder(socket, session)
  unselect(workspaceId, userId, session)
}

function updateMediaState(socket, data, { workspaceId, userId, session }) {
  holder(socket, session)
  const { selection } = session
  selection.userMediaState = { ...selection.userMediaState, ...mediaPatch(data.userMediaState) }
  audience(workspaceId, selection.channelId).emit('media-state-updated', {
    userId,
    userMediaState: selection.userMediaState,
  })
}

function updateOnlineStatus(socket, data, { workspaceId, userId, session }) {
  if (!(data.onlineStatus in RANK)) throw new Refusal('invalid-data', 'onlineStatus is unknown')
  session.sockets.set(socket, data.onlineStatus)
  announceStatus(workspaceId, userId, session)
}

/** Wraps a handler: one object in, acknowledgement out, errors as the protocol says. */
function on(socket, event, handler) {
  socket.on(event, (data, ack) => {
    const transaction = typeof data?.transaction === 'string' ? data.transaction : undefined
    try {
      if (typeof data !== 'object' || data === null) throw new Refusal('invalid-data', 'an object is expected')
      const reply = handler(socket, data)
      if (typeof ack === 'function') ack({ ok: true, ...reply })
    } catch (error) {
      const code = error instanceof Refusal ? error.code : 'internal'
      const message = error instanceof Refusal ? error.message : 'internal error'
      if (transaction) socket.emit(`socket-api-error-${transaction}`, { message, code })
      socket.emit('socket-api-error', { event, message, code })
      if (typeof ack === 'function') ack({ ok: false, error: { code, message } })
    }
  })
}

function authenticated(handler) {
  return (socket, data) => {
    const { workspaceId, userId } = socket.data
    if (!workspaceId) throw new Refusal('unauthenticated', 'authenticate first')
    const workspace = workspaces.get(workspaceId)
    return handler(socket, data, { workspaceId, userId, workspace, session: workspace.sessions.get(userId) })
  }
}

io.on('connection', (socket) => {
  socket.data.deadline = setTimeout(() => socket.disconnect(true), AUTH_DEADLINE_MS)
  on(socket, 'auth', auth)
  on(socket, 'select-channel', authenticated(selectChannel))
  on(socket, 'unselect-channel', authenticated(unselectChannel))
  on(socket, 'update-media-state', authenticated(updateMediaState))
  on(socket, 'update-online-status', authenticated(updateOnlineStatus))
  socket.on('disconnect', () => {
    clearTimeout(socket.data.deadline)
    leave(socket)
  })
})

/** `{id: value}` or `[{id, ...}]`, whichever the caller sends. */
function entries(list) {
  return Array.isArray(list) ? list.map((item) => [item.id, item]) : Object.entries(list ?? {})
}

function putWorkspace(id, body) {
  const workspace = workspaceOf(id)
  workspace.members = new Map(entries(body.members))
  workspace.channels = new Map(
    entries(body.channels).map(([channelId, channel]) => [
      channelId,
      { private: channel.private === true, members: new Set(channel.members ?? []) },
    ]),
  )
}

function publish(id, { event, data, to }) {
  if (typeof event !== 'string' || typeof to !== 'object' || to === null) return 422
  if (to.workspace === true) io.to(room(id)).emit(event, data)
  else if (typeof to.channel === 'string') audience(id, to.channel).emit(event, data)
  else if (Array.isArray(to.users)) io.to(to.users.map((userId) => userRoom(id, userId))).emit(event, data)
  else return 422
  return 200
}

function route(request, body) {
  const [, version, collection, id, leaf] = request.url.split('?')[0].split('/')
  if (version !== 'v1' || collection !== 'workspaces' || !id) return 404
  if (request.method === 'PUT' && leaf === undefined) {
    putWorkspace(decodeURIComponent(id), body)
    return 200
  }
  if (request.method === 'POST' && leaf === 'events') return publish(decodeURIComponent(id), body)
  return 404
}

function answer(response, status) {
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': 2 })
  response.end('{}')
}

const internalServer = http.createServer((request, response) => {
  if (request.url === '/healthz') return answer(response, 200)
  if (request.headers.authorization !== `Bearer ${API_KEY}`) return answer(response, 401)
  const chunks = []
  let size = 0
  request.on('data', (chunk) => {
    size += chunk.length
    if (size <= BODY_LIMIT_BYTES) chunks.push(chunk)
  })
  request.on('end', () => {
    if (size > BODY_LIMIT_BYTES) return answer(response, 413)
    let body
    try {
      body = JSON.parse(Buffer.concat(chunks).toString('utf8'))
    } catch {
      return answer(response, 400)
    }
    answer(response, route(request, body))
  })
})

internalServer.keepAliveTimeout = 600_000
publicServer.listen(Number(PUBLIC_PORT), '127.0.0.1', 4096)
internalServer.listen(Number(INTERNAL_PORT), '127.0.0.1')
