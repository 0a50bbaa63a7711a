package synth

import (
	"bytes"
	"fmt"
)

// shortcut is the fixed beginning of a Windows shell link ([MS-SHLLINK] §2.1) and nothing to open.
func shortcut() []byte {
	out := make([]byte, 80)
	copy(out, "\x4c\x00\x00\x00\x01\x14\x02\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46")
	return out
}

// isoImage has a primary volume descriptor (ECMA-119 §8.4) and no files.
func isoImage() []byte {
	out := make([]byte, 18*2048)
	copy(out[16*2048:], "\x01CD001\x01")
	copy(out[16*2048+40:], "DOCUMENTS                       ")
	copy(out[17*2048:], "\xffCD001\x01")
	return out
}

// fatImage is an empty FAT boot sector and some room.
func fatImage() []byte {
	out := make([]byte, 8192)
	copy(out, "\xeb\x3c\x90MSDOS5.0\x00\x02\x01\x01\x00\x02")
	copy(out[54:], "FAT12   ")
	out[510], out[511] = 0x55, 0xaa
	return out
}

// virtualDisk is a fixed VHD: a footer that begins with its cookie.
func virtualDisk() []byte {
	out := make([]byte, 4096+512)
	copy(out[4096:], "conectix\x00\x00\x00\x02\x00\x01\x00\x00")
	return out
}

// pdfFile is a page with a line of text, and the action that runs when it is opened.
func pdfFile(action string) []byte {
	catalog := "<< /Type /Catalog /Pages 2 0 R >>"
	if action != "" {
		catalog = "<< /Type /Catalog /Pages 2 0 R /OpenAction << /Type /Action " + action + " >> >>"
	}
	text := "BT /F1 12 Tf 72 720 Td (An invented document.) Tj ET"
	objects := []string{
		catalog, "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(text), text),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
	}
	var b, xref bytes.Buffer
	b.WriteString("%PDF-1.7\n")
	for i, o := range objects {
		fmt.Fprintf(&xref, "%010d 00000 n \n", b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %[1]d /Root 1 0 R >>\nstartxref\n%[3]d\n%%%%EOF\n", len(objects)+1, xref.String(), start)
	return b.Bytes()
}
