package observable

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// maxSubject bounds the work on a header that no reader sees the end of.
const maxSubject = 8 << 10

// Subject returns the form in which subjects are compared: NFKC, case folded, without
// invisible characters, without the marks that mail programs of many languages put before
// replies and forwards and gateways before mail from outside, white space joined. Longer ones are cut at 8 KiB.
func Subject(s string) string {
	if len(s) > maxSubject {
		s = strings.ToValidUTF8(s[:maxSubject], "")
	}
	s = foldText(s)
	for {
		rest, ok := cutReplyMark(s)
		if !ok {
			rest, ok = cutGatewayMark(s)
		}
		if !ok {
			return s
		}
		s = rest
	}
}

// foldText folds case and compatibility forms until nothing changes any more; one
// round does for nearly all text.
func foldText(s string) string {
	for range 4 {
		next := foldOnce(s)
		if next == s {
			break
		}
		s = next
	}
	return s
}

func foldOnce(s string) string {
	ascii := true
	for i := 0; i < len(s) && ascii; i++ {
		ascii = s[i] < 0x80
	}
	if ascii {
		s = strings.ToLower(s)
	} else {
		s = norm.NFKC.String(cases.Fold().String(norm.NFKC.String(s)))
	}
	s = strings.Map(func(r rune) rune {
		if r != '\t' && r != '\n' && r != '\r' && unicode.In(r, unicode.Cf, unicode.Cc) {
			return -1
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// cutReplyMark removes one "re:", "fwd[2]:" or the like.
func cutReplyMark(s string) (rest string, ok bool) {
	colon := strings.IndexByte(s, ':')
	if colon <= 0 || colon > 32 {
		return s, false
	}
	mark := strings.TrimSpace(s[:colon])
	if i := strings.IndexAny(mark, "[(^*"); i > 0 && counter(mark[i:]) {
		mark = strings.TrimSpace(mark[:i])
	}
	if !replyMarks[mark] {
		return s, false
	}
	return strings.TrimSpace(s[colon+1:]), true
}

// counter tells whether s is only a count of replies, as in "re[2]", "re(3)", "re^4".
func counter(s string) bool {
	return strings.Trim(s, "[]()^*0123456789 ") == ""
}

// replyMarks are the marks of replies and forwards that mail programs write in the
// languages they are sold in, folded as Subject folds.
var replyMarks = map[string]bool{
	"re": true, "fw": true, "fwd": true, "forward": true, "forwarded": true, // English, and everywhere
	"aw": true, "antwort": true, "wg": true, "weitergeleitet": true, // German
	"antw": true, "doorst": true, "betr": true, // Dutch
	"tr": true, "rép": true, "ré": true, "transf": true, "réf": true, // French
	"rv": true, "resp": true, "respuesta": true, "reenv": true, // Spanish
	"res": true, "enc": true, "encaminhado": true, "resposta": true, // Portuguese
	"rif": true, "r": true, "i": true, "inoltra": true, "ris": true, // Italian
	"sv": true, "vb": true, "vs": true, "vl": true, "vidarebefordrat": true, // Nordic
	"svar": true, "vidare": true, "vedr": true, "lh": true,
	"odp": true, "pd": true, "przekazane": true, // Polish
	"odpověď": true, "odpoveď": true, "předáno": true, "odg": true, "proslijeđeno": true,
	"vá": true, "továbbítás": true, "továbbítva": true, // Hungarian
	"ynt": true, "ilt": true, "i̇lt": true, "yan": true, "cevap": true, // Turkish
	"ats": true, "pers": true, "atb": true, "pārs": true, // Baltic
	"bls": true, "trs": true, "balas": true, // Indonesian, Malay
	"απ": true, "απάντηση": true, "πρθ": true, "προώθ": true, "σχετ": true, // Greek
	"отв": true, "ответ": true, "пересл": true, "переслано": true, "на": true, // Russian
	"відп": true, "відповідь": true, "пер": true, "переслано з": true, // Ukrainian
	"отг": true, "одг": true, "прослеђено": true, // Bulgarian, Serbian
	"תגובה": true, "השב": true, "הועבר": true, // Hebrew
	"رد": true, "إعادة توجيه": true, "إعادة": true, "پاسخ": true, // Arabic, Persian
	"回复": true, "回覆": true, "答复": true, "答覆": true, "转发": true, "轉寄": true, "轉發": true, // Chinese
	"返信": true, "転送": true, "回信": true, // Japanese
	"답장": true, "회신": true, "전달": true, // Korean
	"trả lời": true, "chuyển tiếp": true, "tl": true, // Vietnamese
	"ตอบ": true, "ตอบกลับ": true, "ส่งต่อ": true, // Thai
}

// cutGatewayMark removes one "[external]", "***spam***" or the like, which each house puts before
// subjects in its own way: partners who tell a subject have another mark, or none. A subject that is nothing
// else keeps it.
func cutGatewayMark(s string) (rest string, ok bool) {
	opening := strings.IndexAny(s, "[({*<")
	if opening != 0 {
		return s, false
	}
	body := strings.TrimLeft(s, "[({*<! ")
	end := strings.IndexAny(body, "])}*>")
	if end <= 0 || !gatewayMarks[strings.Trim(body[:end], " !?:-")] {
		return s, false
	}
	rest = strings.TrimLeft(strings.TrimLeft(body[end:], "])}*>"), " !?:-") // not the stars of another behind a blank
	return rest, rest != ""
}

var gatewayMarks = map[string]bool{
	"external": true, "ext": true, "external email": true, "external mail": true, "external sender": true, "external message": true, "outside": true,
	"extern": true, "externe": true, "externer absender": true, "externe mail": true, "externe e-mail": true, "expéditeur externe": true, "courriel externe": true,
	"externo": true, "correo externo": true, "esterno": true, "zewnętrzny": true, "ekstern": true, "externí": true, "külső": true, "harici": true, "dış": true, "外部": true, "외부": true, "社外": true,
	"spam": true, "suspected spam": true, "possible spam": true, "probable spam": true, "junk": true, "bulk": true, "spam-verdacht": true, "spamverdacht": true, "垃圾邮件": true, "スパム": true, "스팸": true,
	"phish": true, "phishing": true, "suspicious": true, "suspected phishing": true, "caution": true, "warning": true, "vorsicht": true, "warnung": true, "attention": true, "unverified": true, "unverified sender": true,
}
