package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"portcullis.example/portcullis"
)

var update = flag.Bool("update", false, "write the golden files")

// TestNothingOfAnAttackerIsMarkup parses every page that has attackers' text in
// every field, and looks for anything in it that the templates did not write.
func TestNothingOfAnAttackerIsMarkup(t *testing.T) {
	h := newDesk(t, &fakeDesk{hostile: true})
	for name, w := range pagesAndAnswers(t, h) {
		doc, err := html.Parse(bytes.NewReader(w.Body.Bytes()))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for n := range doc.Descendants() {
			if why := suspicious(n); why != "" {
				t.Errorf("%s: %s", name, why)
			}
		}
		if name != "screen-hostile" && strings.ContainsAny(w.Body.String(), "\u202E\u200B\u2067\x00\x1b") { // what one typed oneself stays in its field
			t.Errorf("%s: invisible characters are left", name)
		}
	}
}

// suspicious says what is wrong with a node, "" if nothing is.
func suspicious(n *html.Node) string {
	if n.Type != html.ElementNode {
		return ""
	}
	if slices.Contains([]string{"img", "iframe", "object", "embed", "style", "base", "math", "audio", "video"}, n.Data) {
		return "an element " + n.Data
	}
	for _, a := range n.Attr {
		switch {
		case strings.HasPrefix(a.Key, "on"), a.Key == "style", a.Key == "srcdoc":
			return fmt.Sprintf("an attribute %s on %s", a.Key, n.Data)
		case a.Key == "href" || a.Key == "src" || a.Key == "action":
			if !strings.HasPrefix(a.Val, "/") && !strings.HasPrefix(a.Val, "#") || strings.HasPrefix(a.Val, "//") {
				return fmt.Sprintf("%s of %s leads to %q", a.Key, n.Data, a.Val[:min(len(a.Val), 60)])
			}
		}
	}
	if n.Data == "script" && n.FirstChild != nil {
		return "an inline script"
	}
	return ""
}

// TestGolden: the pages as they are, without what changes with each build.
func TestGolden(t *testing.T) {
	h := newDesk(t, &fakeDesk{})
	hashes := regexp.MustCompile(`\.[0-9a-f]{12}\.(css|js|svg)`)
	shown := pagesAndAnswers(t, h)
	for _, name := range []string{"situation", "campaign", "finding", "notice", "notice-refused", "person-self", "audit-ask", "knew", "screen-answer"} {
		got := hashes.ReplaceAllString(shown[name].Body.String(), ".$1")
		got = regexp.MustCompile(`\n\s*\n+`).ReplaceAllString(got, "\n")
		file := filepath.Join("testdata", name+".html")
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatalf("%v (go test ./internal/web -update writes it)", err)
		}
		if got != string(want) {
			t.Errorf("%s is not as in %s; go test ./internal/web -update writes it anew", name, file)
		}
	}
}

// TestRolesSeeTheirActs: what would be refused is not offered.
func TestRolesSeeTheirActs(t *testing.T) {
	h := newDesk(t, &fakeDesk{})
	for _, c := range []struct {
		path, as, text string
		want           bool
	}{
		{"/notices/notice:0000", "approver", "Approve this notice", true}, {"/notices/notice:0000", "analyst", "Approve this notice", false}, {"/notices/notice:0000", "reader", "<button", false},
		{"/notices/notice:0001", "approver", "Send by mail", false}, {"/notices/notice:0001", "approver", "Not by mail: the account may be compromised", true}, {"/notices/notice:0001", "approver", "Record that they were told", true}, {"/notices/notice:0001", "analyst", "<button", false},
		{"/notices/notice:0003", "approver", "End the delay now", true}, {"/notices/notice:0001", "approver", "Withdraw this notice", true}, {"/people/person:0001", "analyst", "The account may be compromised", true},
		{"/people/person:0001", "reader", "/account", false}, {"/campaigns/campaign:0000", "analyst", "Take it back", true}, {"/campaigns/campaign:0000", "reader", "Take it back", false}, {"/campaigns/campaign:0000", "reader", "Enter evidence", false},
		{"/campaigns/campaign:0000", "analyst", "Enter evidence", true}, {"/hunt?q=a@mail.example", "analyst", "This leads to people", true}, {"/hunt", "approver", "Agree to the hunt", true}, {"/hunt", "analyst", "Agree to the hunt", false},
		{"/campaigns/campaign:0000", "analyst", "Merge it into another", true}, {"/campaigns/campaign:0000", "reader", "Merge it into another", false}, {"/campaigns/campaign:0000", "reader", `type="checkbox"`, false},
		{"/indicators", "reader", "Add indicators", false}, {"/indicators", "analyst", "Add indicators", true}, {"/findings/finding:1", "reader", "What would have changed it", false}, {"/findings/finding:1", "analyst", "What would have changed it", true},
		{"/people/person:0001", "member", "may be in danger", true}, {"/people/person:0001", "analyst", "may be in danger", false}, {"/people/person:0001", "member", "Who looked at your mail", true},
		{"/findings/finding:1", "admin", "Administrators cannot read evidence", true}, {"/findings/finding:1", "admin", "Budget Office", false}, {"/audit", "", "You asked, so somebody else has to decide", true},
	} {
		body := get(t, h, c.path, c.as).Body.String()
		body = body[strings.Index(body, "<main"):]
		if strings.Contains(body, c.text) != c.want {
			t.Errorf("%s as %q: shows %q: %v", c.path, c.as, c.text, !c.want)
		}
	}
}

func TestHeadersAndAddresses(t *testing.T) {
	h := newDesk(t, &fakeDesk{})
	w := get(t, h, "/", "")
	for name, want := range map[string]string{"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "same-origin"} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if strings.Contains(policy, "unsafe") {
		t.Error("the policy allows something unsafe")
	}
	for path, status := range map[string]int{"/nothing": 404, "/campaigns/campaign:none": 404, "/notices/notice:1/file/exe": 404, "/assets/desk.css": 404, "/hunt?q=x&from=2026-05-09&to=2026-05-01": 422, "/?done=%3Cscript%3E": 200} {
		if got := get(t, h, path, "").Code; got != status {
			t.Errorf("%s: %d, want %d", path, got, status)
		}
	}
	if w := get(t, h, "/campaigns/campaign:0009", ""); w.Code != 303 || w.Header().Get("Location") != "/campaigns/campaign:0000?done=moved" {
		t.Errorf("a merged campaign leads to %d %q", w.Code, w.Header().Get("Location"))
	}
	d := get(t, h, "/notices/notice:1/file/pdf", "")
	if got := d.Header().Get("Content-Disposition"); !strings.HasPrefix(got, "attachment") || strings.ContainsAny(got, "/\u202E") {
		t.Errorf("a file is sent as %q", got)
	}
	if !strings.Contains(d.Header().Get("Content-Security-Policy"), "sandbox") {
		t.Error("a file that is opened anyway may do something")
	}
}

// TestFirstPageIsSmall: page, style sheet, scripts and icon, compressed as they are sent.
func TestFirstPageIsSmall(t *testing.T) {
	h := newDesk(t, &fakeDesk{})
	fetch := func(path string) (int, string) {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Accept-Encoding", "br, gzip;q=0.9")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		size := w.Body.Len()
		if w.Code != 200 || w.Header().Get("Content-Encoding") != "gzip" {
			t.Fatalf("%s: %d, encoding %q", path, w.Code, w.Header().Get("Content-Encoding"))
		}
		z, err := gzip.NewReader(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(path, AssetPath) && !strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s may change", path)
		}
		return size, string(plain)
	}
	total, page := fetch("/")
	for _, path := range regexp.MustCompile(`/assets/[^"]+`).FindAllString(page, -1) {
		size, _ := fetch(path)
		total += size
	}
	t.Logf("the first page is %d bytes with everything it loads", total)
	if total > 200_000 {
		t.Errorf("the first page is %d bytes, want at most 200,000", total)
	}
}

// TestAssetsAreBuilt: what is committed was made from the sources beside it, and
// holds nothing that must not be in it.
func TestAssetsAreBuilt(t *testing.T) {
	files, err := filepath.Glob("assets/src/*")
	if err != nil {
		t.Fatal(err)
	}
	files = slices.DeleteFunc(append(files, "assets/package-lock.json"), func(f string) bool { return filepath.Base(f) == "govuk.css" })
	slices.Sort(files)
	sum := sha256.New()
	for _, f := range files {
		content, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(sum, "%s %d\n", filepath.Base(f), len(content))
		sum.Write(content)
	}
	kept, err := os.ReadFile("assets/dist/sources.sum")
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != strings.TrimSpace(string(kept)) {
		t.Error("the assets are older than their sources: go generate ./internal/web")
	}
	a, err := loadAssets()
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range a.byPath {
		for _, no := range []string{"GDS Transport", "crown", "gov.uk/", "sourceMappingURL"} {
			if bytes.Contains(bytes.ToLower(f.plain), []byte(strings.ToLower(no))) {
				t.Errorf("%s holds %q", name, no)
			}
		}
	}
	for _, lock := range []string{"assets/package-lock.json", "browser/package-lock.json"} {
		content, err := os.ReadFile(lock)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(content, []byte(`"resolved"`)) {
			t.Errorf("%s names a registry's host; npm install --omit-lockfile-registry-resolved", lock)
		}
	}
}

// TestWithdrawnIsNotOverdue: a notice that was withdrawn is told to nobody, and nobody is late with it.
func TestWithdrawnIsNotOverdue(t *testing.T) {
	f := &fakeDesk{states: map[portcullis.ID]NoticeState{}}
	h := newDesk(t, f)
	before := strings.Count(get(t, h, "/knew", "approver").Body.String(), "not told, overdue")
	if before == 0 {
		t.Fatal("nobody is overdue: this test shows nothing")
	}
	for i := range 40 {
		f.states[portcullis.ID(fmt.Sprintf("notice:%04d", i))] = Withdrawn
	}
	for _, path := range []string{"/knew", "/notices"} {
		page := get(t, h, path, "approver").Body.String()
		if strings.Contains(page, "overdue since") || strings.Contains(page, "not told, overdue") || strings.Contains(page, "pc-row-late") || !strings.Contains(page, "withdrawn") {
			t.Errorf("%s shows withdrawn notices as overdue", path)
		}
	}
}
