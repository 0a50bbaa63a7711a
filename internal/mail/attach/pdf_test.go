package attach

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
)

const (
	catalog  = "<< /Type /Catalog /Pages 2 0 R >>"
	pageTree = "<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
)

func page1(extra string) string {
	return "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] " + extra + " >>"
}

func TestPDF(t *testing.T) {
	annot := func(action string) []byte {
		return pdfOf(catalog, pageTree, page1("/Annots [<< /Subtype /Link /A << "+action+" >> >>]"))
	}
	cmap := "1 beginbfchar <0003> <0041> endbfchar 2 beginbfrange <0010> <0012> <0061> <0020> <0021> [<0078> <D83DDE00>] endbfrange"
	runSamples(t, []sample{
		{title: "uri", name: "a.pdf", data: annot(`/S /URI /URI (https://p.example/a\(b\)\057c)`), typ: "pdf", urls: []string{"pdf-uri https://p.example/a(b)/c"}, not: []string{KindPDFAction}},
		{title: "hex uri and escaped names", name: "a.pdf", data: annot(`/#53 /UR#49 /#55RI <68747470733A2F2F682E6578616D706C652F>`), urls: []string{"pdf-uri https://h.example/"}},
		{title: "javascript", name: "a.pdf", data: annot(`/S /J#61vaScript /JS (app.launchURL\("https://j.example/"\))`), want: []string{KindPDFAction + ": app.launchurl"}, urls: []string{"pdf-uri https://j.example/"}},
		{title: "launch", name: "a.pdf", data: annot(`/S /Launch /F << /F (cmd.exe) >>`), want: []string{KindPDFAction + ": Launch of cmd.exe"}},
		{title: "submit", name: "a.pdf", data: annot(`/S /SubmitForm /F << /FS /URL /F (https://s.example/) >>`), want: []string{KindPDFAction + ": SubmitForm"}, urls: []string{"pdf-uri https://s.example/"}},
		{title: "harmless open action", name: "a.pdf", data: pdfOf("<< /Type /Catalog /Pages 2 0 R /OpenAction [3 0 R /Fit] >>", pageTree, page1("")), not: []string{KindPDFAction}},
		{title: "object stream", name: "a.pdf", data: pdfOf(catalog, pageTree, page1("/Annots [9 0 R]"), pdfStream("/Type /ObjStm /N 1 /First 4", "9 0 << /A << /S /URI /URI (https://o.example/) >> >>")), urls: []string{"pdf-uri https://o.example/"}},
		{title: "embedded", name: "a.pdf", data: pdfOf(catalog, pageTree, page1(""), "<< /Type /Filespec /F (run.vbs) /EF << /F 5 0 R >> >>", pdfStream("/Type /EmbeddedFile", "MsgBox 1")), want: []string{KindPDFAction + ": embedded file run.vbs", KindScript}},
		{title: "text", name: "a.pdf", data: pdfOf(catalog, pageTree, page1("/Contents 4 0 R /Resources << /Font << /F1 << /Subtype /Type1 >> >> >>"), pdfStream("", "BT /F1 12 Tf 72 700 Td (Ada Beispiel) Tj 0 -14 Td [(Bor) -20 (is) -400 (M.)] TJ ET")),
			text: []string{"Ada Beispiel\nBoris M."}},
		{title: "text by map", name: "a.pdf", data: pdfOf(catalog, pageTree, page1("/Contents [4 0 R] /Resources << /Font << /F1 5 0 R >> >>"), pdfStream("", "BT /F1 12 Tf <0003001000110012> Tj <0020> Tj ET"), "<< /Subtype /Type0 /ToUnicode 6 0 R >>", pdfStream("", cmap)),
			text: []string{"Aabcx"}},
		{title: "cut off", name: "a.pdf", data: []byte("%PDF-1.4\n1 0 obj\n<< /A << /S /URI /URI (https://p.example/) >> /Next [ << /B (cut"), urls: []string{"pdf-uri https://p.example/"}},
		{title: "password", name: "a.pdf", data: append(pdfOf(catalog, pageTree, page1("")), "trailer << /Encrypt << /Filter /Standard /R 3 /Length 128 /P -44 /O <"+strings.Repeat("41", 32)+"> /U <"+strings.Repeat("42", 32)+"> >> >>"...), want: []string{KindEncryptedDocument}},
	})
}

// validPDF has a cross reference table, for the oracle.
func validPDF(objects ...string) []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n")
	var offsets []int
	for i, o := range objects {
		offsets = append(offsets, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, o := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R /ID [<00112233445566778899aabbccddeeff> <00112233445566778899aabbccddeeff>] >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, start)
	return b.Bytes()
}

// Documents locked against editing open with the empty password; pdfcpu writes
// them in each scheme, we must read the address in all.
func TestPDFLocked(t *testing.T) {
	plain := validPDF(catalog, pageTree,
		page1("/Contents 4 0 R /Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> /Annots [5 0 R]"),
		pdfStream("", "BT /F1 12 Tf 72 700 Td (Ada Beispiel) Tj ET"),
		"<< /Type /Annot /Subtype /Link /Rect [0 0 9 9] /A << /S /URI /URI (https://locked.example/x) >> >>")
	aes := func(bits int) *model.Configuration { return model.NewAESConfiguration("", "owner", bits) }
	for name, conf := range map[string]*model.Configuration{
		"RC4 40": model.NewRC4Configuration("", "owner", 40), "RC4 128": model.NewRC4Configuration("", "owner", 128), "AES 128": aes(128), "AES 256": aes(256),
	} {
		for _, user := range []string{"", "needed"} {
			t.Run(fmt.Sprintf("%s user %q", name, user), func(t *testing.T) {
				c := *conf
				c.UserPW = user
				var out bytes.Buffer
				if err := api.Encrypt(bytes.NewReader(plain), &out, &c); err != nil {
					t.Fatal(err)
				}
				s := sample{name: "a.pdf", data: out.Bytes(), urls: []string{"pdf-uri https://locked.example/x"}, text: []string{"Ada Beispiel"}, not: []string{KindEncryptedDocument}}
				if user != "" {
					s = sample{name: "a.pdf", data: out.Bytes(), want: []string{KindEncryptedDocument}}
				}
				s.run(t)
			})
		}
	}
}
