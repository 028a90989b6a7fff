/** What the page needs of /api/openapi.json, made flat: one entry per path and verb. */

interface Schema {
  type?: string | string[]
  title?: string
  description?: string
  default?: unknown
  enum?: unknown[]
  items?: Schema
  properties?: Record<string, Schema>
  required?: string[]
  anyOf?: Schema[]
  oneOf?: Schema[]
  $ref?: string
  example?: unknown
}

interface RawParameter {
  name: string
  in: string
  required?: boolean
  description?: string
  schema?: Schema
  content?: Record<string, { schema?: Schema }>
}

interface RawOperation {
  summary?: string
  description?: string
  tags?: string[]
  parameters?: RawParameter[]
  requestBody?: { content?: Record<string, { schema?: Schema }> }
  responses?: Record<string, { description?: string; content?: Record<string, { schema?: Schema; example?: unknown }> }>
  security?: Record<string, string[]>[]
  'x-roles'?: string[]
}

export interface OpenApi {
  info: { title: string; version: string; description?: string }
  paths: Record<string, Record<string, RawOperation>>
  components?: { schemas?: Record<string, Schema> }
}

export interface Parameter {
  name: string
  type: string
  required: boolean
  fallback: string | null
  description: string
}

export interface Answer {
  status: string
  description: string
  /** The documented shape, indented; empty when none is documented. */
  shape: string
}

export interface Operation {
  key: string
  verb: 'GET' | 'POST'
  path: string
  /** The method's dotted name, or the path where there is none. */
  name: string
  /** The other names that it answers to. */
  aliases: string[]
  group: string
  summary: string
  description: string
  parameters: Parameter[]
  answers: Answer[]
  /** Empty: not told, but somebody must be signed in; null: nobody needs to be. */
  roles: string[] | null
}

function resolve(schema: Schema | undefined, document: OpenApi): Schema {
  const name = schema?.$ref?.split('/').pop()
  return (name ? document.components?.schemas?.[name] : schema) ?? {}
}

export function typeOf(given: Schema | undefined, document: OpenApi): string {
  const schema = resolve(given, document)
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ')
  const choices = schema.anyOf ?? schema.oneOf
  if (choices) return choices.map((choice) => typeOf(choice, document)).join(' | ')
  if (schema.type === 'array') return schema.items ? `${typeOf(schema.items, document)}[]` : 'array'
  return Array.isArray(schema.type) ? schema.type.join(' | ') : (schema.type ?? 'any')
}

/** A shape that says nothing but that there is an answer. */
const UNTOLD = /^(?:any|\{\s*message: any\s*\})$/

const INDENT = '  '
const DEEPEST = 5

function shapeOf(given: Schema | undefined, document: OpenApi, depth = 0): string {
  const schema = resolve(given, document)
  if (schema.properties && depth < DEEPEST) {
    const lines = Object.entries(schema.properties).map(
      ([name, inner]) => `${INDENT.repeat(depth + 1)}${name}: ${shapeOf(inner, document, depth + 1)}`,
    )
    return `{\n${lines.join('\n')}\n${INDENT.repeat(depth)}}`
  }
  if (schema.type === 'array' && schema.items && depth < DEEPEST) return `[${shapeOf(schema.items, document, depth)}]`
  return typeOf(schema, document)
}

function plain(value: unknown): string | null {
  return value === undefined || value === null ? null : typeof value === 'string' ? value : JSON.stringify(value)
}

function parametersOf(raw: RawOperation, document: OpenApi): Parameter[] {
  const found = (raw.parameters ?? []).map((one) => {
    const schema = one.schema ?? Object.values(one.content ?? {})[0]?.schema
    return {
      name: one.name,
      type: typeOf(schema, document),
      required: one.required ?? false,
      fallback: plain(resolve(schema, document).default),
      description: one.description ?? resolve(schema, document).description ?? '',
    }
  })
  const body = resolve(Object.values(raw.requestBody?.content ?? {})[0]?.schema, document)
  for (const [name, schema] of Object.entries(body.properties ?? {})) {
    if (found.some((one) => one.name === name)) continue
    found.push({
      name,
      type: typeOf(schema, document),
      required: body.required?.includes(name) ?? false,
      fallback: plain(resolve(schema, document).default),
      description: resolve(schema, document).description ?? '',
    })
  }
  return found
}

function answersOf(raw: RawOperation, document: OpenApi): Answer[] {
  return Object.entries(raw.responses ?? {}).map(([status, answer]) => {
    const content = Object.values(answer.content ?? {})[0]
    const example = content?.example
    const shape = example === undefined ? shapeOf(content?.schema, document) : JSON.stringify(example, null, 2)
    return { status, description: answer.description ?? '', shape: content && !UNTOLD.test(shape) ? shape : '' }
  })
}

function groupOf(name: string): string {
  const parts = name.split('.')
  return parts.length > 1 ? parts.slice(0, -1).join('.') : ''
}

/** Every operation; a method that answers GET and POST alike is listed once, by its GET. */
export function operationsOf(document: OpenApi): Operation[] {
  const all = Object.entries(document.paths).flatMap(([path, verbs]) => {
    const verb = verbs['get'] ? 'get' : 'post'
    const raw = verbs[verb]
    if (!raw) return []
    const name = path.replace(/^\/api\/method\//, '')
    // OpenAPI says "no sign-in needed" by an empty list or by an empty choice in it.
    const open = raw.security?.length === 0 || raw.security?.some((choice) => Object.keys(choice).length === 0)
    return [
      {
        key: path,
        verb: verb.toUpperCase() as 'GET' | 'POST',
        path,
        name,
        aliases: [],
        group: raw.tags?.[0] ?? groupOf(name),
        summary: raw.summary ?? '',
        // A docstring's line ends are no paragraphs.
        description: (raw.description ?? '').replace(/(?<!\n)\n(?!\n)/g, ' '),
        parameters: parametersOf(raw, document),
        answers: answersOf(raw, document),
        roles: open ? null : (raw['x-roles'] ?? []),
      },
    ]
  })
  return merged(all)
}

function lastName(operation: Operation): string {
  return operation.name.split('.').pop() ?? ''
}

/** A short name stands with the documented one that it abbreviates, not beside it. */
function merged(all: Operation[]): Operation[] {
  const documented = all.filter((one) => one.name === `${one.group}.${lastName(one)}` || !one.name.startsWith('baken.'))
  const others = all.filter((one) => !documented.includes(one))
  const alone = others.filter((other) => {
    const whole = documented.find((one) => one.group === other.group && lastName(one) === lastName(other))
    whole?.aliases.push(other.name)
    return !whole
  })
  return all.filter((one) => documented.includes(one) || alone.includes(one))
}

/** How to ask it from a shell, with the token of a Frappe user. */
export function curlOf(operation: Operation, origin: string): string {
  const auth = operation.roles === null ? '' : ` \\\n  -H "Authorization: token $KEY:$SECRET"`
  const required = operation.parameters.filter((one) => one.required)
  const url = `${origin}${operation.path}`
  if (operation.verb === 'GET') {
    const data = required.map((one) => ` \\\n  --data-urlencode "${one.name}=…"`).join('')
    return `curl${data ? ' -G' : ''} "${url}"${auth}${data}`
  }
  const body = JSON.stringify(Object.fromEntries(required.map((one) => [one.name, '…'])))
  return `curl -X POST "${url}"${auth} \\\n  -H "Content-Type: application/json" -d '${body}'`
}
