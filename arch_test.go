package portcullis_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "portcullis.example/portcullis"

// contexts are the parts that know one subject each. They meet in cmd only.
var contexts = []string{
	"internal/mail", "internal/archive", "internal/pack", "internal/accounts", "internal/register", "internal/screening",
	"internal/campaigns", "internal/assessment", "internal/response", "internal/resolver",
}

// mailParts are the children of mail that know nothing of it.
var mailParts = []string{"internal/mail/message", "internal/mail/authn", "internal/mail/source", "internal/mail/attach"}

// registerParts know nothing of each other: the register joins them.
var registerParts = []string{"internal/register/wire", "internal/register/lineage", "internal/register/ledger", "internal/register/meter"}

// mayImport says of each part which other parts of ours it may import; "" is the
// root. A part is a folder with everything below it, unless a part of its own
// begins there. What is in no part may import nothing of ours. Trial and bench
// measure the others, so they may see more than one context may.
var mayImport = map[string][]string{
	"":                          {},
	"internal/names":            {""},
	"internal/people":           {"", "internal/names"},
	"internal/observable":       {""},
	"internal/store":            {""},
	"internal/rows":             {""},
	"internal/mail":             withShared(mailParts...),
	"internal/mail/remote":      {"", "internal/observable", "internal/mail/source"},
	"internal/mail/message":     {"", "internal/observable"},
	"internal/mail/authn":       {"", "internal/observable"},
	"internal/mail/source":      {"", "internal/observable", "internal/mail/tnef"},
	"internal/mail/attach":      {"", "internal/observable", "internal/mail/tnef"},
	"internal/mail/tnef":        {},
	"internal/archive":          withShared(),
	"internal/accounts":         withShared(),
	"internal/register":         withShared(registerParts...),
	"internal/register/wire":    {""},
	"internal/register/lineage": {""},
	"internal/register/ledger":  {"", "internal/rows"},
	"internal/register/meter":   {"", "internal/rows"},
	"internal/register/pgtest":  {},
	"internal/screening":        withShared(),
	"internal/campaigns":        withShared(),
	"internal/assessment":       withShared(),
	"internal/response":         withShared(),
	"internal/resolver":         withShared(),
	"internal/web":              append(withShared("internal/web/access"), contexts...),
	"internal/trial":            withShared(slices.Concat(mailParts, []string{"internal/mail", "internal/synth"})...),
	"internal/bench":            withShared(slices.Concat(mailParts, []string{"internal/mail", "internal/archive", "internal/trial", "internal/synth", "internal/assessment", "internal/simulation", "internal/screening"})...),
	"internal/pack":             withShared(),
	"internal/checkme":          {},
	"internal/synth":            {},
	"internal/api":              {""},
	"internal/chain":            {""},
	"internal/web/access":       {"", "internal/api", "internal/chain", "internal/people"},
	"internal/simulation":       {},
	"internal/testenv":          {},
	"examples/generate":         {"internal/synth"},
}

func withShared(others ...string) []string {
	return slices.Concat([]string{"", "internal/people", "internal/names", "internal/observable", "internal/rows", "internal/api", "internal/chain"}, others)
}

// forTests may be imported by anybody's tests, and by cmd, which measures with them.
var forTests = []string{"internal/testenv", "internal/synth", "internal/register/pgtest"}

// withTables have SQL of their own without being contexts; their tests open a store.
var withTables = []string{"internal/chain", "internal/web/access"}

// standardOnly use nothing but the standard library: the root because everything
// rests on it, the generator because it must share nothing with what it tests.
var standardOnly = []string{"", "internal/synth"}

// pkg is what `go list -json` says of a package, as far as it matters here.
type pkg struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
}

// TestImports keeps the parts apart: who may import whom is what makes it
// possible to understand one of them without the others.
func TestImports(t *testing.T) {
	for _, p := range list(t) {
		for _, complaint := range judge(p) {
			t.Error(complaint)
		}
	}
}

// TestImportRulesBite proves that the rules refuse what they are for.
func TestImportRulesBite(t *testing.T) {
	for _, c := range []struct {
		pkg, imports string
		test         bool
		want         string // part of the complaint; "" allows
	}{
		{"", "internal/people", false, "the root imports nothing of ours"},
		{"", "golang.org/x/text", false, "standard library only"},
		{"internal/mail", "internal/archive", false, "another context"},
		{"internal/archive", "internal/mail/message", false, "another context"},
		{"internal/archive", "internal/store", false, "never imports the store"},
		{"internal/mail/records", "internal/store", false, "never imports the store"},
		{"internal/mail", "internal/web", false, "never imports the web"},
		{"internal/mail", "internal/people", false, ""},
		{"internal/mail", "internal/mail/authn", false, ""},
		{"internal/mail/records", "internal/mail", false, ""},
		{"internal/mail/attach", "internal/mail", false, "may import only"},
		{"internal/people", "internal/names", false, ""},
		{"internal/names", "internal/people", false, "may import only"},
		{"internal/mail/message", "internal/mail/authn", false, "may import only"},
		{"internal/mail/authn/arc", "internal/mail/authn/dkim", false, ""},
		{"internal/mail", "internal/testenv", false, "for tests"},
		{"internal/mail", "internal/testenv", true, ""},
		{"internal/mail", "internal/archive", true, "another context"},
		{"internal/synth", "golang.org/x/text", false, "standard library only"},
		{"internal/synth", "internal/names", true, "shares nothing"},
		{"internal/store", "internal/mail", false, "may import only"},
		{"internal/people", "unsafe", false, "unsafe"},
		{"internal/people", "C", false, "cgo"},
		{"internal/mail", "internal/trial", false, "may import only"},
		{"internal/bench", "internal/trial", false, ""},
		{"internal/novelty", "internal/people", false, "say so in arch_test.go"},
		{"cmd/portcullis", "internal/store", false, ""},
	} {
		imported := c.imports
		if strings.HasPrefix(imported, "internal/") {
			imported = module + "/" + imported
		}
		p := pkg{ImportPath: strings.TrimSuffix(module+"/"+c.pkg, "/"), Imports: []string{imported}}
		if c.test {
			p.Imports, p.TestImports = nil, p.Imports
		}
		got := strings.Join(judge(p), "\n")
		if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%q importing %q (test: %v): got %q, want %q", c.pkg, c.imports, c.test, got, c.want)
		}
	}
}

func list(t *testing.T) (all []pkg) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", "./...").Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			err = fmt.Errorf("%w\n%s", err, exit.Stderr)
		}
		t.Fatalf("go list: %v", err)
	}
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		all = append(all, p)
	}
	if len(all) < 5 {
		t.Fatalf("go list names %d packages only", len(all))
	}
	return all
}

// judge returns a sentence for each import that breaks a rule.
func judge(p pkg) (complaints []string) {
	from := short(p.ImportPath)
	complain := func(who string, imports []string, test bool) {
		for _, imported := range imports {
			if why := forbidden(from, imported, test); why != "" {
				complaints = append(complaints, fmt.Sprintf("%s %s, which is not allowed: %s", who, imported, why))
			}
		}
	}
	name := from
	if name == "" {
		name = "the root"
	}
	complain(name+" imports", p.Imports, false)
	complain("a test of "+name+" imports", slices.Concat(p.TestImports, p.XTestImports), true)
	return complaints
}

// short is a path within the module, "" for the root.
func short(path string) string {
	return strings.TrimPrefix(strings.TrimPrefix(path, module), "/")
}

// forbidden says why an import is wrong, "" if it is not.
func forbidden(from, imported string, test bool) string {
	switch {
	case imported == "C":
		return "cgo is not used, the program is one static binary"
	case imported == "unsafe" && !test:
		return "unsafe is not used, what the program reads was written by attackers"
	case imported == module || strings.HasPrefix(imported, module+"/"):
		return between(from, short(imported), test)
	}
	first, _, _ := strings.Cut(imported, "/")
	own, _ := partOf(from)
	if strings.Contains(first, ".") && !test && slices.Contains(standardOnly, own) {
		return "this package uses the standard library only"
	}
	return ""
}

// between judges one package of ours importing another.
func between(from, to string, test bool) string {
	own, known := partOf(from)
	other, _ := partOf(to)
	switch {
	case from == to, known && own == other, strings.HasPrefix(from, "cmd/"):
		return ""
	case own == "internal/synth":
		return "the generator of attacks shares nothing with what detects them"
	case test && slices.Contains(forTests, other):
		return ""
	case test && other == "internal/store" && slices.Contains(withTables, own):
		return ""
	case known && slices.Contains(mayImport[own], other):
		return ""
	case known && own == "":
		return "the root imports nothing of ours"
	case slices.Contains(forTests, other):
		return "that package is for tests"
	case !known:
		return "it may import nothing of ours; if it must, say so in arch_test.go"
	}
	return contextRule(own, other, test)
}

func contextRule(own, other string, test bool) string {
	mine, theirs := contextOf(own), contextOf(other)
	switch {
	case mine != "" && other == "internal/store" && test:
		return ""
	case mine != "" && other == "internal/store":
		return "a context never imports the store; cmd hands it a transaction"
	case mine != "" && other == "internal/web":
		return "a context never imports the web"
	case mine != "" && theirs != "" && mine != theirs:
		return "a context never imports another context; declare the method it needs and let cmd pass it in"
	}
	return fmt.Sprintf("it may import only %s", strings.Join(named(mayImport[own]), ", "))
}

// partOf finds the part that a package belongs to.
func partOf(path string) (part string, known bool) {
	for path != "" {
		if _, ok := mayImport[path]; ok {
			return path, true
		}
		i := strings.LastIndexByte(path, '/')
		if i < 0 {
			return path, false
		}
		path = path[:i]
	}
	return "", true
}

func contextOf(part string) string {
	for _, c := range contexts {
		if part == c || strings.HasPrefix(part, c+"/") {
			return c
		}
	}
	return ""
}

func named(parts []string) (names []string) {
	for _, p := range parts {
		if p == "" {
			p = "the root"
		}
		names = append(names, p)
	}
	if len(names) == 0 {
		return []string{"its own children"}
	}
	return names
}
