package access

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"mime"
	"net/http"
	"net/netip"
	"path"
	"strings"
	"time"

	"portcullis.example/portcullis/internal/api"
)

// Where access answers itself. SignInPath is a page of the desk's that shows [Guard.Ways].
const (
	SignInPath      = "/sign-in"
	oidcPath        = "/sign-in/oidc"
	callbackPath    = "/sign-in/callback" // what is registered with the provider, after the public URL
	localPath       = "/sign-in/local"
	SignOutPath     = "/sign-out"
	SignOutAllPath  = "/sign-out/everywhere"
	FormField       = "csrf"         // the field of a form that holds its token
	FormTokenHeader = "X-Csrf-Token" // the same where a script sends JSON
)

// Limits of what signed-in people send. Handlers behind may set lower ones.
const (
	maxForm   = 1 << 20
	maxUpload = 64 << 20 // a feed of indicators as a file
)

// How often one may come. Reading a page costs one request and its live stream; assets come
// from the browser's cache.
const (
	addressRate, addressBurst = 50, 300
	sessionRate, sessionBurst = 20, 120
	attemptRate, attemptBurst = 10.0 / 60, 20 // sign-ins and tokens that were refused
)

// Deps is what access needs from elsewhere.
type Deps struct {
	DB  *sql.DB                                                    // for reading
	Tx  func(ctx context.Context, fn func(tx *sql.Tx) error) error // runs fn in a transaction, perhaps twice
	Log *slog.Logger                                               // nil discards
	Now func() time.Time                                           // nil is time.Now
	// Client asks the provider and the witness. nil is one with limits on time and size.
	Client *http.Client
	// Standings are asked for at each use, for the people file may change. nil knows nobody.
	Standings func() *Standings
	// Print shows a link for signing in to whoever started the program, and to nobody else.
	Print func(name, link string)
	// Announce, if there is one, is told in the transaction that breaks the glass, so that the
	// members get a notice; they see it among the looks at their mail anyway.
	Announce func(ctx context.Context, tx *sql.Tx, g Glass) error
	// Refuse shows a refusal as a page; nil is plain.
	Refuse func(w http.ResponseWriter, r *http.Request, status int, message string)
}

// Guard stands before the desk. It is safe for concurrent use.
type Guard struct {
	cfg     Config
	deps    Deps
	secure  bool   // browsers come by TLS
	base    string // public URL without a slash at its end
	mapping string
	hosts   []string
	proxies []netip.Prefix
	tokens  []token
	links   *links
	oidc    *provider // nil: none
	cross   *http.CrossOriginProtection
	checked checked

	addresses, sessions, attempts *rates
}

// New makes a guard, reading the files that the configuration names. Local links are
// printed by [Guard.PrintLinks].
func New(cfg Config, deps Deps) (*Guard, error) {
	if deps.DB == nil || deps.Tx == nil {
		return nil, errors.New("access needs a database")
	}
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	deps.fill()
	public, err := cfg.public()
	if err != nil {
		return nil, err
	}
	g := &Guard{
		cfg: cfg, deps: deps, secure: public.Scheme == "https", base: public.String(), mapping: cfg.mapping(), hosts: hosts(cfg, public),
		cross:     http.NewCrossOriginProtection(),
		addresses: newRates(addressRate, addressBurst), sessions: newRates(sessionRate, sessionBurst), attempts: newRates(attemptRate, attemptBurst),
		links: newLinks(cfg.locals()),
	}
	if g.proxies, err = parseProxies(cfg.TrustedProxies); err != nil {
		return nil, err
	}
	if g.tokens, err = readTokens(cfg.Tokens); err != nil {
		return nil, err
	}
	if cfg.OIDC.Issuer != "" {
		g.oidc, err = newProvider(cfg.OIDC, g.base+callbackPath, deps.Client, deps.Now)
	}
	return g, err
}

func (d *Deps) fill() {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Client == nil {
		d.Client = outbound()
	}
	if d.Standings == nil {
		d.Standings = func() *Standings { return nil }
	}
	if d.Print == nil {
		d.Print = func(string, string) {}
	}
	if d.Announce == nil {
		d.Announce = func(context.Context, *sql.Tx, Glass) error { return nil }
	}
	if d.Refuse == nil {
		d.Refuse = plainRefusal
	}
}

// Way is a way to sign in, for the page that offers them.
type Way struct{ Name, Path, Note string }

// Ways are those that there are.
func (g *Guard) Ways() []Way {
	if g.oidc != nil {
		return []Way{{Name: "Sign in with your account", Path: oidcPath}}
	}
	return []Way{{Name: "Use the link that was printed when Portcullis started", Note: "It works once. Open it again when you have been signed out: a new one is printed then."}}
}

// Front is what every request passes first, whoever it comes from: security headers, the
// names the desk answers to, a limit per address, nothing loaded by other sites. It
// answers signing in and out itself and hands the rest on.
func (g *Guard) Front(next http.Handler) http.Handler {
	own := http.NewServeMux()
	own.HandleFunc("GET "+oidcPath, g.startOIDC)
	own.HandleFunc("GET "+callbackPath, g.finishOIDC)
	own.HandleFunc("GET "+localPath, g.signInLocal)
	own.Handle("POST "+SignOutPath, g.Protect(g.signOut(false)))
	own.Handle("POST "+SignOutAllPath, g.Protect(g.signOut(true)))
	own.Handle("/", next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		setHeaders(w.Header(), g.secure)
		from := clientAddress(r, g.proxies)
		switch {
		case !knownHost(r, g.hosts):
			plainRefusal(w, r, http.StatusMisdirectedRequest, "The desk does not answer to this name. desk.public_url and desk.hosts in the configuration say to which.")
		case !g.addresses.allow(rateKey(from), g.deps.Now()):
			tooMany(w, r)
		case foreign(r):
			g.refuse(w, r, http.StatusForbidden, "Another site asked for this. Open the desk's own address.")
		default:
			own.ServeHTTP(w, r.WithContext(withAddress(r.Context(), from)))
		}
	})
}

// Protect lets requests of known callers through, with an [api.Caller] in their context:
// those with a session, and below /api/v1 those with a bearer token. Requests that change
// something must come from a page of ours: by origin, and by the token of the form.
func (g *Guard) Protect(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isAPI(r) && r.Header.Get("Authorization") != "" {
			g.withToken(w, r, next)
			return
		}
		s, ok, err := g.recognise(r)
		switch {
		case r.Header.Get("Sec-Purpose") != "":
			g.refuse(w, r, http.StatusForbidden, "Nothing is shown ahead of time: what is shown is written down as a look.")
		case err != nil:
			g.deps.Log.Error("a session could not be looked up", "error", err)
			g.refuse(w, r, http.StatusServiceUnavailable, "The desk cannot reach its store. Nothing is lost; try again in a moment.")
		case !ok:
			g.askToSignIn(w, r)
		case !g.sessions.allow(s.hash, g.deps.Now()):
			tooMany(w, r)
		default:
			g.withSession(w, r, s, next)
		}
	})
}

func (g *Guard) recognise(r *http.Request) (session, bool, error) {
	id := g.cookie(r, g.cookieName())
	if id == "" {
		return session{}, false, nil
	}
	return g.find(r.Context(), id)
}

func (g *Guard) withSession(w http.ResponseWriter, r *http.Request, s session, next http.Handler) {
	if why := g.checkOrigin(w, r, s); why != "" {
		g.deps.Log.Warn("a request that may be forged was refused", "path", r.URL.Path, "who", s.caller.Name, "from", addressFrom(r.Context()))
		g.refuse(w, r, http.StatusForbidden, why)
		return
	}
	g.touch(r.Context(), s)
	ctx := context.WithValue(r.Context(), sessionKey{}, s)
	next.ServeHTTP(w, r.WithContext(api.WithCaller(ctx, s.caller)))
}

// checkOrigin says why a request that changes something cannot be believed to be the user's
// wish; "" when it can.
func (g *Guard) checkOrigin(w http.ResponseWriter, r *http.Request, s session) string {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return ""
	}
	if g.cross.Check(r) != nil {
		return "Another site sent this. If it was you, do it again on the desk's own page."
	}
	token := r.Header.Get(FormTokenHeader)
	if token != "" {
		r.Body = http.MaxBytesReader(w, r.Body, maxUpload)
	} else {
		var err error
		if token, err = formToken(w, r); err != nil {
			return "The form could not be read; it may be too large. Go back and send it again."
		}
	}
	if !checkFormToken(s, token) {
		return "This form was made before you signed in, or by somebody else. Go back, reload the page, and send it again."
	}
	return ""
}

// formToken reads the form, whose limit depends on whether it may hold a file.
func formToken(w http.ResponseWriter, r *http.Request) (string, error) {
	switch mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); mediaType {
	case "multipart/form-data":
		r.Body = http.MaxBytesReader(w, r.Body, maxUpload)
		if err := r.ParseMultipartForm(maxForm); err != nil {
			return "", err
		}
	case "application/x-www-form-urlencoded":
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if err := r.ParseForm(); err != nil {
			return "", err
		}
	}
	return r.PostForm.Get(FormField), nil // the body's, never the address's
}

// askToSignIn sends people to where they can, and tells programs.
func (g *Guard) askToSignIn(w http.ResponseWriter, r *http.Request) {
	mode := r.Header.Get("Sec-Fetch-Mode")
	if isAPI(r) || r.Method != http.MethodGet || mode != "" && mode != "navigate" {
		w.Header().Set("WWW-Authenticate", "Bearer")
		g.refuse(w, r, http.StatusUnauthorized, "You are not signed in, or no longer. Sign in and try again.")
		return
	}
	http.Redirect(w, r, SignInPath+"?to="+template.URLQueryEscaper(wanted(r, r.URL.RequestURI())), http.StatusSeeOther)
}

// wanted is where to go after signing in. When another site made the link, it is a page and
// nothing that it is asked: a question (a hunt, say) goes into the audit under the name of whoever
// follows the link.
func wanted(r *http.Request, to string) string {
	if site := r.Header.Get("Sec-Fetch-Site"); site == "cross-site" || site == "same-site" {
		to, _, _ = strings.Cut(to, "?")
	}
	return localTarget(to)
}

// localTarget is where to go after signing in: a path of the desk's own, and "/" for
// everything else, so that nobody can use signing in to send people elsewhere. Browsers
// take \ for / and drop tabs and line breaks, so any of them is refused.
func localTarget(to string) string {
	ok := len(to) <= 2000 && strings.HasPrefix(to, "/") && !strings.HasPrefix(to, "//") && !strings.ContainsRune(to, '\\') &&
		!strings.ContainsFunc(to, func(r rune) bool { return r <= ' ' || r == 0x7f })
	pathOnly, _, _ := strings.Cut(to, "?")
	if clean := path.Clean(pathOnly); !ok || strings.HasPrefix(clean, SignInPath) || strings.HasPrefix(clean, SignOutPath) || strings.HasPrefix(clean, "//") {
		return "/"
	}
	return to
}

func isAPI(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, api.Prefix+"/") }

func (g *Guard) refuse(w http.ResponseWriter, r *http.Request, status int, message string) {
	if isAPI(r) {
		api.WriteProblem(w, api.Problemf(status, "%s", message))
		return
	}
	g.deps.Refuse(w, r, status, message)
}

func plainRefusal(w http.ResponseWriter, _ *http.Request, status int, message string) {
	http.Error(w, message, status)
}

func tooMany(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Retry-After", "10")
	if isAPI(r) {
		api.WriteProblem(w, api.Problemf(http.StatusTooManyRequests, "Too many requests. Wait a little."))
		return
	}
	http.Error(w, "Too many requests. Wait a little and reload.", http.StatusTooManyRequests)
}

type addressKey struct{}

func withAddress(ctx context.Context, a netip.Addr) context.Context {
	return context.WithValue(ctx, addressKey{}, a)
}

// addressFrom is the client's address as text, "" on the command line.
func addressFrom(ctx context.Context) string {
	if a, ok := ctx.Value(addressKey{}).(netip.Addr); ok && a.IsValid() {
		return a.String()
	}
	return ""
}

// Refusal is the error of [Guard.Allow] when the answer is no.
type Refusal struct {
	Act Act
	Decision
}

func (r *Refusal) Error() string { return r.Why }

// looks are the acts that are written down when they are allowed. Others are written
// down where they are done, in their own transaction, with [Audit].
func (a Act) look() bool {
	switch a {
	case SeePerson, SeeEvidence, SeeContacts, SeeAudit, SeeAuditWords, Hunt, HuntPerson, Screen:
		return true
	}
	return false
}

// Allow asks [May] for the caller in ctx. A look is written to the audit before it returns,
// and if it cannot be, nothing may be shown; so is every refusal. The error is a [Refusal],
// or that the audit could not be written. It runs a transaction of its own: call it outside
// of any other.
func (g *Guard) Allow(ctx context.Context, a Act, o Object, detail any) error {
	caller, _ := api.CallerFrom(ctx)
	d, glass := May(caller, a, o), Glass{}
	if d.BreakGlass {
		var err error
		if glass, o.Granted, err = g.granted(ctx, caller, o); err != nil {
			return err
		}
		d = May(caller, a, o)
	}
	if caller.Name != "" && (!d.Allowed || a.look()) {
		r := record{Refused: d.Why, Glass: glass.ID}
		for _, p := range o.People {
			r.People = append(r.People, p.Person)
		}
		err := g.deps.Tx(ctx, func(tx *sql.Tx) error { return appendRecord(ctx, tx, string(a), o.ID, r, detail) })
		if err != nil && d.Allowed {
			return fmt.Errorf("what is not in the audit cannot be shown: %w", err)
		}
		if err != nil {
			g.deps.Log.Error("a refusal could not be written to the audit", "act", string(a), "who", caller.Name, "error", err)
		}
	}
	if !d.Allowed {
		return &Refusal{a, d}
	}
	return nil
}
