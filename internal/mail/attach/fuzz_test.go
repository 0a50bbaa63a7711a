package attach

import (
	"bytes"
	"testing"
	"unicode/utf8"

	"github.com/richardlehane/mscfb"
)

// small limits keep each run of a fuzzer short; they are also a test of limits.
func fuzzLimits() Limits {
	return Limits{Bytes: 1 << 20, Depth: 3, Members: 50, Expand: 4 << 20, Images: 2, ImagePixels: 1 << 18, Text: 1 << 16, PDFObjects: 2000, Dictionary: 1 << 20}
}

func check(t *testing.T, r *Report, l Limits) {
	t.Helper()
	if r.Type == "" {
		t.Error("no type")
	}
	if len(r.Traits) > maxTraits || len(r.URLs) > maxURLs || len(r.Incomplete) > maxIncomplete || len(r.Text) > l.Text+16 {
		t.Errorf("limits: %d traits, %d addresses, %d incomplete, %d text", len(r.Traits), len(r.URLs), len(r.Incomplete), len(r.Text))
	}
	for _, tr := range r.Traits {
		if tr.Start < 0 || tr.End < tr.Start || len(tr.Detail) > maxDetail || !utf8.ValidString(tr.Detail) {
			t.Errorf("trait %+v", tr)
		}
	}
	for _, s := range r.Incomplete {
		if bytes.Contains([]byte(s), []byte("the decoder failed (runtime error")) {
			t.Errorf("panic: %s", s)
		}
	}
}

func FuzzInspect(f *testing.F) {
	f.Add("a.docx", docx(f, para("x"), file{"word/vbaProject.bin", string(cfbOf("", vbaParts("", "M", autoMacro)))}))
	f.Add("a.zip", zipOf(f, file{"x.js", "eval(1)"}, file{"y.txt", "y"}))
	f.Add("a.iso", isoOf(file{"A.LNK", string(lnkOf("cmd.exe", "/c", "x"))})[16*isoBlock:])
	f.Add("a.html", []byte(`<form action=x><input type=password><script>document.write(atob("PGh0bWw+"))</script>`))
	f.Add("a.svg", []byte(`<svg onload="x"><script>y</script></svg>`))
	f.Add("a.ics", []byte("BEGIN:VCALENDAR\nBEGIN:VEVENT\nATTACH;ENCODING=BASE64:QUJD\nEND:VEVENT"))
	f.Add("a.rtf", []byte(`{\rtf1{\object{\*\objdata 0105000002000000080000005061636b61676500}}{\field{\*\fldinst DDE x}}}`))
	f.Add("a.eml", []byte("From: a\nTo: b\nSubject: c\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--"))
	f.Add("a.msg", cfbOf("", map[string][]byte{"__properties_version1.0": {1}}))
	f.Add("a.png", pngOf(codeOf(f, "https://a.example/", 2, 2, black, white)))
	f.Add("a.7z", []byte("7z\xbc\xaf\x27\x1c\x00\x04"))
	f.Add("a.rar", []byte("Rar!\x1a\x07\x01\x00"))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		l := fuzzLimits()
		check(t, Inspect(name, "", data, NewBudget(l)), l)
	})
}

func FuzzPDF(f *testing.F) {
	f.Add(pdfOf(catalog, pageTree, page1("/Annots [<< /A << /S /URI /URI (https://a.example/) >> >>]")))
	f.Add(pdfOf(catalog, pageTree, page1("/Contents 4 0 R"), pdfStream("", "BT (x) Tj ET 0 0 1 1 re f")))
	f.Add(pdfOf(pdfStream("/Type /ObjStm /N 1 /First 4", "9 0 << /S /Launch >>")))
	f.Add([]byte("%PDF-1.4\n1 0 obj << /Subtype /Image /Width 99 /Height 99 /BitsPerComponent 1 /DecodeParms << /Predictor 15 >> >> stream\nx"))
	f.Add([]byte("%PDF-1.4 trailer << /Encrypt << /R 6 /U <00> /UE <00> >> >>"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l := fuzzLimits()
		check(t, Inspect("a.pdf", "", append([]byte("%PDF-"), data...), NewBudget(l)), l)
	})
}

func FuzzOVBA(f *testing.F) {
	f.Add(compressVBA(autoMacro))
	f.Add([]byte("\x01\x19\xb0\x00abcdefgh\x00ijklmnop\x00qrstuv.")) // MS-OVBA §3.2.1
	f.Fuzz(func(t *testing.T, data []byte) {
		out, _ := decompressVBA(data)
		if len(out) > maxVBA || len(out) > 4096*(len(data)/2+1) {
			t.Errorf("%d bytes out of %d", len(out), len(data))
		}
		if len(data) > 0 && len(data) < 1<<16 {
			back, err := decompressVBA(compressVBA(string(data)))
			if err != nil || !bytes.Equal(back, data) {
				t.Errorf("round trip: %v", err)
			}
		}
	})
}

func FuzzLNK(f *testing.F) {
	f.Add(lnkOf("cmd.exe", "/c calc", "a.ico"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, _ := parseLNK(data)
		if n := len(s.Arguments) + len(s.Target) + len(s.Environment); n > 8*len(data)+64 {
			t.Errorf("%d bytes of names out of %d", n, len(data))
		}
	})
}

// FuzzCFB compares our reader with another where that one reads the file: what
// it finds, we find.
func FuzzCFB(f *testing.F) {
	f.Add(cfbOf("", vbaParts("Macros/", "M", autoMacro)))
	f.Add(cfbOf("", map[string][]byte{"A": make([]byte, 5000), "B/C": []byte("x")}))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<16 {
			return
		}
		c, err := openCFB(data)
		if err != nil {
			return
		}
		for i := range c.entries {
			if b, _ := c.read(&c.entries[i]); len(b) > len(data) {
				t.Errorf("stream of %d bytes in %d", len(b), len(data))
			}
		}
	})
}

func TestCFBAgainstOther(t *testing.T) {
	for name, data := range map[string][]byte{
		"project": cfbOf("", vbaParts("Macros/", "ThisDocument", autoMacro)),
		"large":   cfbOf("", map[string][]byte{"A": bytes.Repeat([]byte("abcdefg"), 9000), "S/B": []byte("small"), "S/C": bytes.Repeat([]byte{7}, 4096)}),
	} {
		other, err := mscfb.New(bytes.NewReader(data))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		ours, err := openCFB(data)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for e, err := other.Next(); err == nil; e, err = other.Next() {
			if e.Size == 0 {
				continue
			}
			want := make([]byte, e.Size)
			if n, err := e.Read(want); n != len(want) {
				t.Fatalf("%s %s: %v", name, e.Name, err)
			}
			got, err := ours.read(ours.find(e.Name))
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s %s: %d bytes, want %d (%v)", name, e.Name, len(got), len(want), err)
			}
		}
	}
}

func TestDecompressVBA(t *testing.T) {
	// The examples of MS-OVBA §3.2.
	for packed, want := range map[string]string{
		"\x01\x19\xb0\x00abcdefgh\x00ijklmnop\x00qrstuv.":                                                     "abcdefghijklmnopqrstuv.",
		"\x01\x2f\xb0\x00#aaabcde\x82f\x00paghij\x01\x38\x08akl\x000mnop\x06q\x02p\x04\x10rstuv\x10wxyz\x00<": "#aaabcdefaaaaghijaaaaaklaaamnopqaaaaaaaaaaaarstuvwxyzaaa",
		"\x01\x03\xb0\x02a\x45\x00": "a" + string(bytes.Repeat([]byte("a"), 72)),
	} {
		if got, err := decompressVBA([]byte(packed)); err != nil || string(got) != want {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
	}
}
