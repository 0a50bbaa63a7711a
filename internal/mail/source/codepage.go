package source

import (
	"unicode/utf16"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// codepage is a Windows code page as PidTagMessageCodepage and
// PidTagInternetCodepage name it (MS-UCODEREF §2.2.1).
type codepage struct {
	charset  string // the name in MIME
	encoding encoding.Encoding
}

const (
	cpUTF8    = 65001
	cpWestern = 1252
)

var codepages = map[int]codepage{
	437: {"ibm437", charmap.CodePage437}, 850: {"ibm850", charmap.CodePage850}, 852: {"ibm852", charmap.CodePage852},
	855: {"ibm855", charmap.CodePage855}, 858: {"ibm00858", charmap.CodePage858}, 866: {"ibm866", charmap.CodePage866},
	874: {"windows-874", charmap.Windows874}, 932: {"shift_jis", japanese.ShiftJIS},
	936: {"gbk", simplifiedchinese.GBK}, 949: {"euc-kr", korean.EUCKR}, 950: {"big5", traditionalchinese.Big5},
	1250: {"windows-1250", charmap.Windows1250}, 1251: {"windows-1251", charmap.Windows1251},
	1252: {"windows-1252", charmap.Windows1252}, 1253: {"windows-1253", charmap.Windows1253},
	1254: {"windows-1254", charmap.Windows1254}, 1255: {"windows-1255", charmap.Windows1255},
	1256: {"windows-1256", charmap.Windows1256}, 1257: {"windows-1257", charmap.Windows1257},
	1258: {"windows-1258", charmap.Windows1258}, 10000: {"macintosh", charmap.Macintosh},
	20127: {"us-ascii", charmap.Windows1252}, 20866: {"koi8-r", charmap.KOI8R}, 21866: {"koi8-u", charmap.KOI8U},
	20932: {"euc-jp", japanese.EUCJP}, 20936: {"gb2312", simplifiedchinese.GBK},
	28591: {"iso-8859-1", charmap.ISO8859_1}, 28592: {"iso-8859-2", charmap.ISO8859_2},
	28593: {"iso-8859-3", charmap.ISO8859_3}, 28594: {"iso-8859-4", charmap.ISO8859_4},
	28595: {"iso-8859-5", charmap.ISO8859_5}, 28596: {"iso-8859-6", charmap.ISO8859_6},
	28597: {"iso-8859-7", charmap.ISO8859_7}, 28598: {"iso-8859-8", charmap.ISO8859_8},
	28599: {"iso-8859-9", charmap.Windows1254}, 28603: {"iso-8859-13", charmap.ISO8859_13},
	28605: {"iso-8859-15", charmap.ISO8859_15}, 38598: {"iso-8859-8-i", charmap.ISO8859_8},
	50220: {"iso-2022-jp", japanese.ISO2022JP}, 50221: {"iso-2022-jp", japanese.ISO2022JP}, 50222: {"iso-2022-jp", japanese.ISO2022JP},
	51932: {"euc-jp", japanese.EUCJP}, 51936: {"gb2312", simplifiedchinese.GBK}, 51949: {"euc-kr", korean.EUCKR},
	52936: {"hz-gb-2312", simplifiedchinese.HZGB2312}, 54936: {"gb18030", simplifiedchinese.GB18030},
	cpUTF8: {"utf-8", encoding.Nop},
}

// codepageOf falls back to Western, as Outlook does.
func codepageOf(n int) codepage {
	if cp, ok := codepages[n]; ok {
		return cp
	}
	return codepages[cpWestern]
}

// decode makes UTF-8 of b; what is not of the code page becomes U+FFFD.
func (cp codepage) decode(b []byte) string {
	if out, err := cp.encoding.NewDecoder().Bytes(b); err == nil {
		return valid(string(out))
	}
	return valid(string(b))
}

// utf16LE decodes the strings of MAPI and drops the zeros that end them.
func utf16LE(b []byte) string {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = uint16(b[2*i]) | uint16(b[2*i+1])<<8
	}
	for len(units) > 0 && units[len(units)-1] == 0 {
		units = units[:len(units)-1]
	}
	return string(utf16.Decode(units))
}

// fontCodepage maps the character set of an RTF font (\fcharset) to its code page.
func fontCodepage(charset int) int {
	switch charset {
	case 77:
		return 10000
	case 128:
		return 932
	case 129:
		return 949
	case 134:
		return 936
	case 136:
		return 950
	case 161:
		return 1253
	case 162:
		return 1254
	case 163:
		return 1258
	case 177:
		return 1255
	case 178:
		return 1256
	case 186:
		return 1257
	case 204:
		return 1251
	case 222:
		return 874
	case 238:
		return 1250
	}
	return 0 // the document's own
}
