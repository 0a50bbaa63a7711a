package observable

import (
	"slices"
	"strconv"
	"strings"

	portcullis "portcullis.example/portcullis"
)

// Form is an observable that a URL contains, and the way to it.
type Form struct {
	Observable portcullis.Observable
	How        string // "link", "unwrapped:safelinks", `param "r" base64url`, `unwrapped:urldefense > param "u" percent`
}

// Limits of one call of Forms. Work is counted in bytes looked at.
const (
	maxSteps = 16   // wrappers, parameters and decodings on the way to a form
	maxForms = 1024 // forms reported
	workPer  = 48   // bytes of work per byte of URL
	workMin  = 32 << 10
)

// Forms calls fn with every observable that a URL contains: itself, its host, what
// gateways and redirectors wrapped in it, and what its userinfo, path, parameters and
// fragment hold, percent-encoded however often, in base64 or hexadecimal, in JSON or in
// a query within. Each comes once, with the first way to it that was found.
//
// It reports false if a limit cut the search short.
func Forms(rawURL string, fn func(Form)) (complete bool) {
	w := walker{fn: fn, work: workMin + workPer*min(len(rawURL), MaxURL)}
	w.emitted, w.visited = w.firstEmitted[:0], w.firstVisited[:0]
	w.link(rawURL)
	return !w.cut
}

// step is one step of the way to a form.
type step struct {
	kind  string // "unwrapped:", "param ", "path" … or a decoding
	name  string
	layer bool // goes into a URL, as opposed to decoding a value
}

// walker walks one URL. The way to where it stands is a stack, so that nothing is
// allocated for the many values that hold nothing.
type walker struct {
	fn      func(Form)
	work    int
	cut     bool
	depth   int
	way     [maxSteps]step
	visited []string // links walked
	emitted []portcullis.Observable
	known   map[portcullis.Observable]bool // emitted, once there are many

	firstEmitted [8]portcullis.Observable
	firstVisited [8]string
}

// enter takes a step, and reports whether one is left to take. leave takes it back.
func (w *walker) enter(kind, name string, layer bool) bool {
	if w.depth == maxSteps {
		w.cut = true
		return false
	}
	w.way[w.depth] = step{kind, name, layer}
	w.depth++
	return true
}

func (w *walker) leave() { w.depth-- }

// within walks a value one step further.
func (w *walker) within(kind, name, value string) {
	if w.enter(kind, name, true) {
		w.value(value)
		w.leave()
	}
}

// how writes the way.
func (w *walker) how() string {
	if w.depth == 0 {
		return "link"
	}
	var out []byte
	for i, s := range w.way[:w.depth] {
		switch {
		case i == 0:
		case s.layer:
			out = append(out, " > "...)
		default:
			out = append(out, ' ')
		}
		out = append(out, s.kind...)
		if s.kind == "param " {
			out = strconv.AppendQuote(out, s.name[:min(len(s.name), 40)])
		} else {
			out = append(out, s.name...)
		}
	}
	return string(out)
}

// spend takes n bytes of work from what is allowed.
func (w *walker) spend(n int) bool {
	if w.work -= n; w.work < 0 || len(w.emitted) >= maxForms {
		w.cut = true
		return false
	}
	return true
}

func (w *walker) emit(t portcullis.ObservableType, value string) {
	o := portcullis.Observable{Type: t, Value: value}
	if w.known == nil && slices.Contains(w.emitted, o) || w.known[o] {
		return
	}
	w.emitted = append(w.emitted, o)
	switch {
	case w.known != nil:
		w.known[o] = true
	case len(w.emitted) == 32:
		w.known = make(map[portcullis.Observable]bool, 64)
		for _, e := range w.emitted {
			w.known[e] = true
		}
	}
	w.fn(Form{Observable: o, How: w.how()})
}

// link walks a URL with a scheme.
func (w *walker) link(raw string) {
	whole := len(raw) <= MaxURL
	if !whole {
		raw, w.cut = raw[:MaxURL], true
	}
	if slices.Contains(w.visited, raw) || !w.spend(len(raw)) {
		return
	}
	w.visited = append(w.visited, raw)
	l, err := ParseURL(raw)
	if err != nil {
		w.text(raw)
		return
	}
	if l.Host == "" {
		w.opaque(&l)
		return
	}
	if whole {
		w.emit(portcullis.TypeURL, l.String())
	}
	w.host(&l)
	if target, name, ok := l.unwrap(); ok {
		w.within("unwrapped:", name, target)
	}
	w.inside(&l)
}

func (w *walker) host(l *Link) {
	if l.IP.IsValid() {
		w.emit(portcullis.TypeIP, l.Host)
		return
	}
	w.emit(portcullis.TypeDomain, l.Host)
}

// opaque walks mailto:, data: and the like.
func (w *walker) opaque(l *Link) {
	body, query, _ := strings.Cut(l.tail, "?")
	if l.Scheme == "data" {
		body, query = l.tail, ""
	}
	if meta, blob, ok := strings.Cut(body, ";base64,"); ok && l.Scheme == "data" && len(meta) < 200 {
		w.blob(blob, "base64")
		return
	}
	w.within(l.Scheme, "", body)
	w.query(query)
}

// inside walks the parts of a URL in which others hide.
func (w *walker) inside(l *Link) {
	if l.User != "" {
		w.within("userinfo", "", l.User)
	}
	tail := strings.TrimSuffix(l.tail, l.Fragment)
	tail = strings.TrimSuffix(tail, "#")
	path, query, _ := strings.Cut(tail, "?")
	w.path(path, tail)
	w.query(query)
	if l.Fragment != "" {
		w.within("fragment", "", l.Fragment)
		if strings.IndexByte(l.Fragment, '/') >= 0 && w.enter("fragment", "", true) {
			w.segments(l.Fragment)
			w.leave()
		}
	}
}

// path walks a path: a whole link in it, which takes the query along; each segment; and
// base64 whose own slashes made segments of it.
func (w *walker) path(path, tail string) {
	if len(path) < 4 {
		return
	}
	if !w.enter("path", "", true) {
		return
	}
	defer w.leave()
	if u := embedded(path); u != "" {
		w.link(fixSlashes(tail[len(path)-len(u):]))
	}
	w.segments(path)
	for i, tries := 0, 0; i < len(path) && tries < 8; tries++ {
		next := strings.IndexByte(path[i+1:], '/')
		if next < 0 || len(path)-i < 16 {
			break
		}
		w.blob(path[i+1:], "base64")
		i += next + 1
	}
}

func (w *walker) segments(path string) {
	for path != "" {
		var segment string
		segment, path, _ = strings.Cut(path, "/")
		if len(segment) < 6 || path == "" && fileLike(segment) {
			continue
		}
		w.value(segment)
	}
}

// fileLike tells whether the last segment of a path is a file name rather than a domain.
func fileLike(segment string) bool {
	dot := strings.LastIndexByte(segment, '.')
	return dot > 0 && fileEndings[strings.ToLower(segment[dot+1:])] && strings.IndexByte(segment, '@') < 0
}

// query walks the parameters. A URL may stand there without a name too, and its own
// "=" then cuts it; so the whole is looked at where the first name is no name.
func (w *walker) query(query string) {
	if query == "" {
		return
	}
	for rest := query; rest != ""; {
		var pair string
		pair, rest, _ = strings.Cut(rest, "&")
		name, value, named := strings.Cut(pair, "=")
		name = strings.TrimPrefix(name, "amp;")
		if !named {
			name, value = "", pair
		}
		if len(value) < 4 {
			continue
		}
		w.within("param ", name, value)
	}
	if name, _, _ := strings.Cut(query, "="); len(name) > 10 {
		w.within("query", "", query)
	}
}

// text walks the links and addresses in running text.
func (w *walker) text(v string) {
	if !w.spend(len(v)) {
		return
	}
	scanLinks(v, func(f Found) {
		if f.Kind == "email" {
			w.email(f.URL)
			return
		}
		w.found(f)
	})
}

// found walks a link in a text. A bare domain is a domain: no URL is made of it.
func (w *walker) found(f Found) {
	bare := f.Kind != "url" && !strings.ContainsAny(f.URL[len("http://"):], "/?#")
	if !bare {
		w.link(f.URL)
		return
	}
	if l, err := ParseURL(f.URL); err == nil {
		w.host(&l)
	}
}

func (w *walker) email(addr string) {
	canon, err := Email(addr)
	if err != nil {
		return
	}
	w.emit(portcullis.TypeEmail, canon)
	w.emit(portcullis.TypeDomain, canon[strings.LastIndexByte(canon, '@')+1:])
}
