package mail

import "strings"

// newAccount are words for a change of bank details.
var newAccount = []string{
	"new bank", "new account", "changed bank", "changed our bank", "change of bank", "change of account", "updated bank", "updated account", "bank details have changed", "account details have changed", "our bank details", "our account has changed", "different account", "another account", "new iban", "old account", "previous account", "account below instead",
	"neue bankverbindung", "neuen bankverbindung", "geänderte bankverbindung", "bankverbindung hat sich", "bankverbindung geändert", "neues konto", "neue kontoverbindung", "anderes konto", "neue iban", "altes konto", "kontoverbindung hat sich",
	"nouvelles coordonnées bancaires", "nouveau compte", "coordonnées bancaires ont changé", "changement de coordonnées", "changement de rib", "nouveau rib", "nouvel iban", "ancien compte",
	"nueva cuenta", "nuevos datos bancarios", "cambio de cuenta", "datos bancarios han cambiado", "nuevo iban", "otra cuenta", "cuenta anterior",
	"nuovo conto", "nuove coordinate bancarie", "coordinate bancarie sono cambiate", "nuovo iban", "cambio di conto", "vecchio conto",
	"nova conta", "novos dados bancários", "novo iban",
	"nowy rachunek", "nowe konto", "nowy numer konta", "nowego konta", "zmiana konta", "zmiana rachunku", "zmienił się numer", "nowe dane bankowe",
	"nieuwe bankrekening", "nieuw rekeningnummer", "nieuwe rekening", "gewijzigde bankgegevens", "nieuwe bankgegevens", "nieuw iban", "rekeningnummer is gewijzigd", "oude rekening",
	"новий рахунок", "нові реквізити", "змінилися реквізити", "зміна реквізитів", "новий iban", "новый счет", "новый счёт", "новые реквизиты", "изменились реквизиты",
	"新账户", "新帳戶", "新的银行", "新的账户", "银行账户已", "账户变更", "帳戶變更", "新账号", "更换账户",
}

// acquaintance are claims to have met, talked or agreed before.
var acquaintance = []string{
	"as we discussed", "as discussed", "as agreed", "as promised", "as you asked", "as requested", "as mentioned", "following our", "further to our", "our conversation", "our meeting", "our call", "our talk", "we met", "we spoke", "we talked", "nice meeting you", "good to meet you", "pleasure meeting", "pleasure to meet", "good to see you", "when we last", "since we last", "you may remember", "you will remember", "you asked me",
	"wie besprochen", "wie vereinbart", "wie versprochen", "wie abgesprochen", "unser gespräch", "unserem gespräch", "unser treffen", "unserem treffen", "unser telefonat", "unserem telefonat", "wir haben uns", "wir sprachen", "sie erinnern sich", "sie hatten mich gebeten",
	"comme convenu", "comme promis", "comme discuté", "notre conversation", "notre entretien", "notre rencontre", "notre échange", "nous nous sommes", "suite à notre", "vous vous souvenez", "ravi de vous avoir",
	"como acordamos", "como hablamos", "como prometí", "como le prometí", "nuestra conversación", "nuestra reunión", "nuestro encuentro", "nos conocimos", "hablamos", "encantado de haber", "tras nuestra",
	"come concordato", "come d'accordo", "come promesso", "nostra conversazione", "nostro incontro", "ci siamo conosciuti", "ci siamo parlati", "abbiamo parlato", "a seguito del nostro",
	"zgodnie z naszą", "jak ustaliliśmy", "jak obiecałem", "jak obiecałam", "nasza rozmowa", "naszej rozmow", "naszym spotkaniu", "naszego spotkania", "poznaliśmy się", "rozmawialiśmy",
	"zoals besproken", "zoals afgesproken", "zoals beloofd", "ons gesprek", "onze ontmoeting", "we hebben elkaar", "wij spraken",
	"як домовлялися", "як обіцяв", "як обіцяла", "наша розмова", "нашої розмови", "нашій зустріч", "нашої зустрічі", "ми зустрічалися", "ми говорили", "ми познайомилися",
	"как договаривались", "как обещал", "наш разговор", "нашего разговора", "нашей встреч", "мы встречались", "мы говорили",
	"正如我们讨论", "如我们讨论", "按照约定", "如约", "我们上次", "上次见面", "我们见过", "我们谈过", "很高兴认识", "很高兴见到",
}

// accountNumber is a text in the form of an IBAN.
type accountNumber struct {
	text  string
	valid bool
}

const (
	minIBAN = 15 // the shortest in use
	maxIBAN = 34 // ISO 13616
)

// findIBAN finds the first account number in the form of ISO 13616 whose checksum
// (ISO 7064, MOD 97-10) holds. Spaces may stand between groups.
func findIBAN(text string) accountNumber {
	for i := 0; i+minIBAN <= len(text); i++ {
		if !upper(text[i]) || !upper(text[i+1]) || !digit(text[i+2]) || !digit(text[i+3]) || i > 0 && (upper(text[i-1]) || digit(text[i-1])) {
			continue
		}
		if n := ibanAt(text[i:]); n > 0 {
			return accountNumber{text[i : i+n], true}
		}
	}
	return accountNumber{}
}

func upper(c byte) bool { return c >= 'A' && c <= 'Z' }
func digit(c byte) bool { return c >= '0' && c <= '9' }

// ibanAt returns the length of the longest valid number at the beginning of text.
func ibanAt(text string) (length int) {
	var b strings.Builder
	for i := 0; i < len(text) && b.Len() < maxIBAN; i++ {
		c := text[i]
		switch {
		case upper(c), digit(c):
			b.WriteByte(c)
			if b.Len() >= minIBAN && validIBAN(b.String()) {
				length = i + 1
			}
		case c == ' ' && i > 0 && text[i-1] != ' ', c == '\xc2' || c == '\xa0':
		default:
			return length
		}
	}
	return length
}

// validIBAN moves the first four characters to the end, reads letters as 10 to
// 35, and wants a remainder of 1.
func validIBAN(s string) bool {
	rest := 0
	for i := range len(s) {
		c := s[(i+4)%len(s)]
		switch {
		case digit(c):
			rest = (rest*10 + int(c-'0')) % 97
		default:
			rest = (rest*100 + int(c-'A') + 10) % 97
		}
	}
	return rest == 1
}
