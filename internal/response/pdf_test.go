package response

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-fonts/dejavu/dejavusans"
	pdf "github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"

	"portcullis.example/portcullis/internal/testenv"
)

// TestOnePage: whatever there is to tell, the PDF is one page with a structure.
func TestOnePage(t *testing.T) {
	o := office(t)
	long := everything()
	long.Reach.Name = strings.Repeat("Wolfeschlegelsteinhausen", 20)
	for name, n := range map[string]Notice{"usual": approvedNotice(anna()), "full": everything(), "long": long} {
		raw, err := o.NoticePDF(n)
		must(t, err)
		ctx, err := pdf.ReadContext(bytes.NewReader(raw), model.NewDefaultConfiguration())
		must(t, err)
		must(t, pdf.ValidateContext(ctx))
		equal(t, name+": pages", ctx.PageCount, 1)
		for _, want := range []string{"/MarkInfo <</Marked true>>", "/StructTreeRoot", "/Lang (en)", "/S /H1", "/S /LBody"} {
			if !bytes.Contains(raw, []byte(want)) {
				t.Errorf("%s: the PDF lacks %s", name, want)
			}
		}
		again, err := o.NoticePDF(n)
		must(t, err)
		if !bytes.Equal(raw, again) {
			t.Errorf("%s: the same notice gives other bytes", name)
		}
	}
	var all []Notice
	for range 40 {
		all = append(all, everything())
	}
	raw, err := o.BriefingPDF(Campaign{ID: "campaign:1", Mails: 500}, all, noon)
	must(t, err)
	ctx, err := pdf.ReadContext(bytes.NewReader(raw), model.NewDefaultConfiguration())
	must(t, err)
	must(t, pdf.ValidateContext(ctx))
	equal(t, "briefing: pages", ctx.PageCount, 1)
}

// TestOtherScripts: what the fonts can print is printed, the rest is marked.
func TestOtherScripts(t *testing.T) {
	faces := []*face{newTestFace(t)}
	for _, c := range []struct {
		text, want string
		missing    int
	}{
		{"Żółć Ελλάδα Україна Հայ ქართული", "Żółć Ελλάδα Україна Հայ ქართული", 0},
		{"שלום", "שלום", 0},
		{"你好", "□□", 2},
		{"नमस्ते", "□□□□□□", 6},
		{"😀", "□", 1},
		{"e\u0301", "é", 0},
		{"سلام", "\uFEB3\uFEFC\uFEE1", 0}, // seen at the beginning, lam with alef at the end, meem alone
		{"باب", "\uFE91\uFE8E\uFE8F", 0},
		{"بَب", "\uFE91\u064E\uFE90", 0}, // a vowel sign between them changes nothing
	} {
		got, missing := drawable(c.text, faces)
		if got != c.want || missing != c.missing {
			t.Errorf("%s: got %q (%d missing), want %q (%d)", c.text, got, missing, c.want, c.missing)
		}
	}
}

func newTestFace(t *testing.T) *face {
	t.Helper()
	f, err := newFace("sans", dejavusans.TTF)
	must(t, err)
	return f
}

// TestVisual checks the order in which lines are drawn, with capitals for Hebrew as the
// Unicode bidirectional algorithm's own examples write it.
func TestVisual(t *testing.T) {
	hebrew := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r >= 'A' && r <= 'Z' {
				return 'א' + r - 'A'
			}
			return r
		}, s)
	}
	for _, c := range []struct {
		text string
		rtl  bool
		want string
	}{
		{"car means CAR.", false, "car means RAC."},
		{"car MEANS CAR.", true, ".RAC SNAEM car"},
		{"he said CAR 123 end", false, "he said 123 RAC end"},
		{"ABC (DEF) x", false, "(FED) CBA x"},
		{"ABC 12,5 DEF", true, "FED 12,5 CBA"},
		{"plain", false, "plain"},
		{"plain", true, "plain"},
		{"", true, ""},
	} {
		if got := visual(hebrew(c.text), c.rtl); got != hebrew(c.want) {
			t.Errorf("%q (from right: %v): got %q, want %q", c.text, c.rtl, got, hebrew(c.want))
		}
	}
}

// TestHostilePDF draws what attackers write.
func TestHostilePDF(t *testing.T) {
	o := office(t)
	for _, text := range []string{"\x00(\\)) Tj ET /JavaScript", "a\u202eb\u2066", strings.Repeat("W", 3000), strings.Repeat("\u0301", 500), strings.Repeat("你好", 100), "😀 𝕏", "endobj\nxref\ntrailer"} {
		r := anna()
		r.Name = text
		r.Events[0].Sender, r.Events[0].Subject, r.Events[0].Hosts, r.Events[0].Address = text, text, []string{text}, text
		r, err := r.tidy(noon)
		must(t, err)
		raw, err := o.NoticePDF(approvedNotice(r))
		if errors.Is(err, errUncovered) {
			continue
		}
		must(t, err)
		ctx, err := pdf.ReadContext(bytes.NewReader(raw), model.NewDefaultConfiguration())
		must(t, err)
		if err := pdf.ValidateContext(ctx); err != nil {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}

// FuzzDrawing: a line that is drawn has the characters of the text or boxes for them, in
// whatever order.
func FuzzDrawing(f *testing.F) {
	for _, s := range []string{"plain", "abc אבג 123 (def)", "مرحبا بالعالم", "لا إله", "你好", "a\u0301\u0301", ")(]["} {
		f.Add(s, true)
	}
	raw, err := newFace("sans", dejavusans.TTF)
	must(f, err)
	f.Fuzz(func(t *testing.T, text string, rtl bool) {
		out, missing := drawable(plain(text), []*face{raw})
		line := visual(out, rtl)
		if a, b := len([]rune(out)), len([]rune(line)); a != b || missing > a {
			t.Fatalf("%q: %d characters became %d, %d missing", text, a, b, missing)
		}
		if again := strings.Join(words(out), ""); again != out {
			t.Fatalf("%q was cut into %q", out, again)
		}
	})
}

func BenchmarkNoticePDF(b *testing.B) {
	o, n := office(b), everything()
	for b.Loop() {
		if _, err := o.NoticePDF(n); err != nil {
			b.Fatal(err)
		}
	}
}

// TestPrintsOnOnePage has a browser print the page that has most to tell.
func TestPrintsOnOnePage(t *testing.T) {
	browser, err := exec.LookPath("chromium")
	if err != nil {
		if testenv.CI() {
			t.Fatal("Chromium is not installed; CI runs this test")
		}
		t.Skip("Chromium is not installed")
	}
	o := office(t)
	for name, n := range map[string]Notice{"usual": approvedNotice(anna()), "full": everything()} {
		d, err := o.Notice(n)
		must(t, err)
		page, err := d.HTML()
		must(t, err)
		dir := t.TempDir()
		in, out := filepath.Join(dir, "page.html"), filepath.Join(dir, "page.pdf")
		must(t, os.WriteFile(in, page, 0o600))
		cmd := exec.CommandContext(t.Context(), browser, "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir="+dir, "--no-pdf-header-footer", "--print-to-pdf="+out, in)
		if said, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, said)
		}
		raw, err := os.ReadFile(out)
		must(t, err)
		ctx, err := pdf.ReadContext(bytes.NewReader(raw), model.NewDefaultConfiguration())
		must(t, err)
		must(t, pdf.ValidateContext(ctx))
		equal(t, name+": printed pages", ctx.PageCount, 1)
	}
}
