package mail

import (
	"slices"
	"strings"
	"unicode"

	"portcullis.example/portcullis/internal/names"
	"portcullis.example/portcullis/internal/people"
)

// What impostors ask for and what they claim to be, in the languages of the
// houses this was written for. The lists are facts about usage, collected by
// hand from what public advice on this kind of fraud names; none is complete.
// Phrases are lower case and may be stems; see says.

// ask is one kind of request.
type ask struct {
	tenths  int
	what    string // in plain words, for the officer
	phrases []string
}

// asks, strongest first. That somebody asks for a thing proves nothing; each
// adds a little, and together they are bounded by askLimit.
var asks = []ask{
	{16, "asks to be answered elsewhere or in another way than usual", []string{
		"private address", "private email", "private e-mail", "private mail", "personal address", "personal email", "personal e-mail", "personal account", "new address", "new email", "new e-mail", "new number", "other address", "this address", "mobile number", "your number", "cell number", "phone number", "whatsapp", "telegram", "signal", "text me", "don't call", "do not call", "can't talk", "cannot talk", "can't take calls", "not by phone", "not to the office", "not my office", "instead of my office", "reply here", "reply only", "answer here", "write to me here", "write to me at", "reply to me at", "outside the house system", "locked out", "my usual account", "my other account", "my work account", "my official account", "account is down", "mailbox is full",
		"private adresse", "privaten adresse", "private e-mail", "privates postfach", "private mail", "neue adresse", "neuen adresse", "neue nummer", "handynummer", "mobilnummer", "telefonnummer", "diese adresse", "dieser adresse", "nicht anrufen", "nicht telefonieren", "ruf mich nicht", "rufen sie mich nicht", "nicht ans büro", "nicht an mein büro", "nur hier antworten", "antworten sie hier", "antworte hier", "antworten sie nur", "bitte hierhin", "dienstliches postfach", "dienstpostfach",
		"adresse privée", "adresse personnelle", "messagerie privée", "messagerie personnelle", "mail personnel", "courriel personnel", "nouvelle adresse", "nouveau numéro", "numéro de portable", "numéro de téléphone", "cette adresse", "ne m'appelez pas", "n'appelez pas", "répondez ici", "répondez-moi ici", "répondre ici", "pas au bureau", "boîte privée",
		"dirección privada", "dirección personal", "correo personal", "correo privado", "cuenta personal", "nueva dirección", "nuevo número", "número de móvil", "número de teléfono", "esta dirección", "no me llames", "no me llame", "respóndame aquí", "responde aquí", "responda a esta", "a la oficina no",
		"indirizzo privato", "indirizzo personale", "posta personale", "email personale", "nuovo indirizzo", "nuovo numero", "numero di cellulare", "numero di telefono", "questo indirizzo", "non mi chiami", "non chiamarmi", "rispondi qui", "risponda qui", "non in ufficio",
		"endereço pessoal", "endereço privado", "email pessoal", "novo endereço", "novo número", "número de telemóvel", "número de celular", "este endereço", "responda aqui",
		"prywatny adres", "prywatnego adresu", "prywatną skrzynkę", "prywatna skrzynka", "adres prywatny", "nowy adres", "nowego adresu", "numer telefonu", "numer komórki", "ten adres", "proszę nie dzwonić", "nie dzwoń", "odpowiedz tutaj", "odpowiedzieć tutaj", "odpisać na ten",
		"privéadres", "privé-adres", "privémail", "privé e-mail", "persoonlijk adres", "nieuw adres", "nieuwe adres", "nieuw nummer", "mobiele nummer", "telefoonnummer", "dit adres", "niet bellen", "bel me niet", "antwoord hier", "niet via kantoor",
		"приватну адресу", "приватна адреса", "приватній адрес", "особисту адресу", "особиста адреса", "особисту пошту", "нову адресу", "нова адреса", "новий номер", "номер телефону", "цю адресу", "цієї адреси", "не телефонуйте", "не дзвоніть", "відповідайте сюди", "відповідайте лише",
		"личный адрес", "личную почту", "личной почты", "частный адрес", "новый адрес", "новый номер", "номер телефона", "этот адрес", "не звоните", "отвечайте сюда", "ответьте сюда",
		"私人邮箱", "私人邮件", "个人邮箱", "私人地址", "私人信箱", "新邮箱", "新地址", "新号码", "手机号", "电话号码", "微信", "这个邮箱", "此邮箱", "这个地址", "不要打电话", "别打电话", "請回覆此", "请回复此", "回复到这", "回到这个"}},
	{18, "asks for money, gift cards or bank details", []string{
		"gift card", "giftcard", "voucher", "itunes", "steam card", "google play", "wire transfer", "bank transfer", "money transfer", "bank details", "account details", "payment", "pay the", "invoice", "advance the", "reimburse", "pay you back", "payroll", "salary account", "donation", "donate", "gift", "purchase", "transfer", "i will repay",
		"gutschein", "geschenkkarte", "überweis", "bankverbindung", "kontodaten", "zahlung", "rechnung", "auslegen", "vorstrecken", "erstatte", "gehaltskonto",
		"carte cadeau", "cartes cadeau", "cartes-cadeaux", "virement", "coordonnées bancaires", "votre rib", "mon rib", "nouveau rib", "paiement", "facture", "rembours", "avancer la somme",
		"tarjeta regalo", "tarjetas regalo", "tarjetas de regalo", "transferencia", "datos bancarios", "pago", "factura", "reembols",
		"carta regalo", "carte regalo", "buoni regalo", "bonifico", "coordinate bancarie", "pagamento", "fattura", "rimbors",
		"cartão presente", "vale-presente", "transferência", "dados bancários",
		"karty podarunkow", "kartę podarunkow", "przelew", "dane bankowe", "numer konta", "płatnoś", "faktur", "zwrócę",
		"cadeaukaart", "cadeaubon", "overboek", "overmak", "bankgegevens", "betaling", "factuur", "voorschieten",
		"подарунков", "переказ", "реквізит", "рахунок", "оплат", "подарочн", "перевод", "реквизит", "оплат",
		"礼品卡", "禮品卡", "购物卡", "转账", "轉帳", "汇款", "匯款", "付款", "发票", "银行账户", "报销"}},
	{14, "asks for secrecy", []string{
		"confidential", "in confidence", "discreet", "discretion", "between us", "between you and me", "keep this to yourself", "keep it to yourself", "keep this between", "don't mention", "do not mention", "don't forward", "do not forward", "don't share", "do not share", "not to be shared", "not for circulation", "sensitive matter", "delicate", "not yet public", "embargo", "passed on", "pass this on", "pass it on", "nobody else", "no one else", "tell no one", "tell nobody", "off the record",
		"vertraulich", "diskret", "unter uns", "behalten sie", "behalte", "nicht weiterleiten", "nicht weitergeben", "bitte nicht weiter", "niemandem", "mit niemand", "heikl",
		"confidentiel", "discret", "discrétion", "entre nous", "ne transmettez pas", "ne pas transmettre", "ne pas diffuser", "n'en parlez", "délicat",
		"confidencial", "discret", "entre nosotros", "no lo reenv", "no reenv", "no lo comentes", "no lo comente", "no lo compart", "delicad",
		"riservat", "confidenziale", "discrezion", "tra noi", "fra noi", "non inoltr", "non ne parl", "delicat",
		"poufn", "w zaufaniu", "dyskre", "między nami", "nie przekazuj", "proszę nie przesył", "proszę nikomu", "nikomu nie",
		"vertrouwelijk", "discreet", "onder ons", "tussen ons", "niet doorsturen", "houd dit", "hou dit", "gevoelig",
		"конфіденці", "між нами", "нікому", "не пересилайте", "дискрет", "конфиденциальн", "между нами", "никому", "не пересылайте",
		"保密", "机密", "機密", "不要转发", "请勿转发", "勿外传", "不要外传", "私下", "别告诉", "不要告诉"}},
	{10, "is in a hurry", []string{
		"urgent", "as soon as possible", "asap", "right away", "immediately", "before noon", "by noon", "before the vote", "today", "this afternoon", "this evening", "tonight", "within the hour", "in the next hour", "quickly", "quick favour", "quick favor", "time is short", "deadline", "in a meeting", "between meetings", "are you available", "are you at your desk", "are you free", "before the session", "at short notice",
		"dringend", "eilig", "so schnell wie möglich", "möglichst schnell", "schnellstmöglich", "umgehend", "sofort", "heute", "bis mittag", "kurzfristig", "in einer sitzung", "haben sie kurz zeit", "hast du kurz zeit", "noch vor der",
		"urgence", "dès que possible", "au plus vite", "rapidement", "immédiatement", "aujourd'hui", "avant midi", "ce soir", "en réunion", "êtes-vous disponible", "avant la séance", "avant le vote",
		"urgencia", "lo antes posible", "cuanto antes", "de inmediato", "inmediatamente", "hoy", "esta tarde", "en una reunión", "estás disponible", "está disponible", "antes de la sesión", "antes de la votación",
		"al più presto", "il prima possibile", "subito", "immediatamente", "oggi", "in riunione", "prima della seduta", "prima del voto",
		"piln", "jak najszybciej", "natychmiast", "dzisiaj", "dziś", "na spotkaniu", "przed posiedzeniem", "przed głosowaniem",
		"dringend", "zo snel mogelijk", "zo spoedig mogelijk", "meteen", "onmiddellijk", "vandaag", "spoed", "in een vergadering", "voor de stemming",
		"терміново", "якнайшвидше", "негайно", "сьогодні", "на засіданні", "на нараді", "срочно", "как можно скорее", "немедленно", "сегодня", "на совещании",
		"紧急", "緊急", "尽快", "盡快", "马上", "立即", "今天", "今晚", "开会", "會議中", "会前", "急"}},
	{10, "asks for a favour or for papers, contacts or plans", []string{
		"favour", "favor", "need your help", "need you to", "could you help", "can you help", "help me with", "could you send me", "can you send me", "please send me", "send me the", "forward me", "list of", "the list", "contact details", "itinerary", "travel plans", "who else", "who will attend", "your position", "your opinion on", "your comments", "have a look", "take a look", "look at the", "read the", "comments on", "your view", "draft", "sign the", "your signature", "attached", "enclosed", "document", "the file", "the link", "interview", "statement", "endorse", "briefing", "notes",
		"gefallen", "brauche ihre hilfe", "brauche deine hilfe", "könnten sie mir", "kannst du mir", "können sie mir", "bitte schicken", "schicken sie mir", "schick mir", "senden sie mir", "die liste", "kontaktdaten", "reisepl", "ihre meinung", "deine meinung", "ihre einschätzung", "anmerkung", "entwurf", "werfen sie einen blick", "schauen sie", "unterschr", "anbei", "angehängt", "dokument", "unterlagen", "die datei",
		"un service", "besoin de votre aide", "besoin de toi", "besoin de vous", "pourriez-vous", "pouvez-vous", "envoyez-moi", "m'envoyer", "la liste", "coordonnées", "votre avis", "vos remarques", "brouillon", "projet de", "jeter un œil", "signer", "ci-joint", "document", "le fichier", "dossier",
		"un favor", "necesito su ayuda", "necesito tu ayuda", "necesito que", "podría", "puede enviarme", "puedes enviarme", "envíeme", "envíame", "la lista", "su opinión", "tu opinión", "sus comentarios", "borrador", "echar un vistazo", "firmar", "adjunt", "documento", "el archivo",
		"un favore", "ho bisogno", "potrebbe", "può inviarmi", "puoi inviarmi", "mandami", "mi mandi", "la lista", "l'elenco", "suo parere", "tuo parere", "osservazioni", "bozza", "dare un'occhiata", "firmare", "in allegato", "allegat", "documento", "il file",
		"przysług", "potrzebuję", "czy mógłby", "czy mogłaby", "czy możesz", "proszę o przesłanie", "proszę przesłać", "wyślij mi", "listę", "listy", "pana opini", "pani opini", "uwagi", "projekt", "rzucić okiem", "podpis", "w załączeniu", "załącz", "dokument",
		"een gunst", "heb je hulp nodig", "heb uw hulp nodig", "kunt u mij", "kun je mij", "kun je me", "kunt u me", "stuur mij", "stuur me", "de lijst", "contactgegevens", "uw mening", "je mening", "opmerkingen", "concept", "kijken naar", "ondertekenen", "bijgevoegd", "bijlage", "document", "het bestand",
		"послуг", "потрібна ваша допомога", "потрібна твоя допомога", "чи могли б", "чи можете", "надішліть", "надіслати", "перешліть", "список", "вашу думку", "ваша думка", "зауваження", "проєкт", "проект", "чернетк", "гляньте", "перегляньте", "підпис", "додаю", "документ", "файл",
		"услуг", "нужна ваша помощь", "не могли бы", "пришлите", "перешлите", "ваше мнение", "замечания", "черновик", "взгляните", "подпис", "прилагаю",
		"帮忙", "幫忙", "帮我", "帮个忙", "麻烦您", "请发", "发给我", "名单", "联系方式", "行程", "意见", "看法", "草案", "草稿", "看一下", "签字", "签署", "附件", "文件", "文档", "链接"}},
	{14, "asks to log in or confirm an account", []string{
		"log in", "login page", "your login", "sign in", "sign-in", "password", "verify your", "confirm your account", "account will be", "expires", "expire", "suspended", "security update", "two-factor", "multi-factor", "re-register", "update your details", "credentials", "mailbox quota", "storage quota", "over quota",
		"anmelden", "einloggen", "passwort", "kennwort", "bestätigen sie ihr", "konto wird", "läuft ab", "abgelaufen", "gesperrt", "zugangsdaten", "sicherheitsupdate", "speicherplatz",
		"connectez-vous", "se connecter", "mot de passe", "vérifiez votre", "confirmez votre", "votre compte", "expire", "suspendu", "identifiants",
		"inicie sesión", "iniciar sesión", "contraseña", "verifique su", "confirme su", "su cuenta", "caduca", "suspendid", "credenciales",
		"accedere", "acceda", "password", "verifichi", "confermi", "suo account", "scade", "sospes", "credenziali",
		"zaloguj", "hasł", "potwierdź", "potwierdzić", "konto zostanie", "wygas", "zablokow",
		"inloggen", "log in", "wachtwoord", "bevestig", "uw account", "verloopt", "geblokkeerd",
		"увійдіть", "увійти", "пароль", "підтверд", "обліков", "заблок", "войдите", "подтверд", "учётн", "учетн",
		"登录", "登錄", "登入", "密码", "密碼", "验证", "確認您的", "确认您的", "账户", "帳戶", "过期", "到期", "停用"}},
}

const (
	askHaste = 3 // in asks and furtherAsks
	askLimit = 36
	askBoth  = 8 // two kinds in one letter: money in a hurry, papers in secret
)

// askWeight weighs what the text asks for.
func askWeight(s *scale, text string) {
	left, kinds := askLimit, 0
	for i, a := range asks {
		if left <= 0 || saysAny(text, a.phrases, furtherAsks[i]) == "" {
			continue
		}
		s.weigh(min(a.tenths, left), "it "+a.what)
		left -= a.tenths
		if kinds++; kinds == 2 {
			s.weigh(min(askBoth, max(left, 0)), "")
			left -= askBoth
		}
	}
}

// officeTitles claim a political office or a place in a house when somebody puts
// them beside the own name. Whole words only: they are short.
var officeTitles = strings.Fields(`mp mps mep msp mdb mdl mep-office td mla mpp mhr abg. deputy député députée depute deputée diputado diputada deputato deputata
deputado deputada poseł posłanka poslanec kamerlid abgeordnete abgeordneter senator senatorin sénateur sénatrice senador senadora senatore senatrice onorevole minister ministerin ministre
ministro ministra whip speaker honourable депутат депутатка депутата сенатор міністр министр 议员 議員 部长 部長 议长`)

// officePhrases do so as well, in more than one word.
var officePhrases = []string{
	"member of parliament", "member of the house", "member of the senate", "member of the assembly", "member of the national", "member of the european", "private office", "constituency office", "parliamentary office", "members' office", "member's office", "committee chair",
	"mitglied des parlaments", "mitglied des bundes", "mitglied des landtag", "mitglied des nationalrat", "abgeordnetenbüro", "wahlkreisbüro", "persönliches büro", "büroleit",
	"membre du parlement", "permanence parlementaire",
	"miembro del parlamento", "membro del parlamento",
	"członek parlamentu", "biuro posel", "biuro posła", "lid van het parlement", "народний депутат", "приймальня", "канцелярия", "办公室", "國會", "国会",
}

// behalfPhrases claim to write for somebody, when they stand before a name.
var behalfPhrases = []string{
	"office of", "the office", "on behalf of", "assistant to", "chief of staff", "personal assistant", "büro ", "im auftrag", "cabinet de", "bureau de", "oficina de", "gabinete de", "despacho de", "ufficio di", "segreteria di", "biuro", "kantoor van", "офіс", "канцелярі", "офис", "办公室",
}

// selfPhrases are what only somebody of the house says of oneself.
var selfPhrases = []string{
	"my constituency", "my committee", "our committee", "my office", "my private office", "our caucus", "our parliamentary group", "our group's", "as a colleague", "your colleague", "fellow member", "my fellow members", "i am in the chamber", "i'm in the chamber", "see you in the chamber", "stuck in the chamber", "i am in plenary", "i'm in plenary", "see you in plenary", "stuck in plenary", "our delegation", "my staff", "my assistant", "my team", "my aide", "my speech", "my motion", "my amendment", "my question to the",
	"mein wahlkreis", "meinem wahlkreis", "mein büro", "meinem büro", "meines büros", "unser ausschuss", "unserem ausschuss", "unsere fraktion", "unserer fraktion", "als kollege", "als kollegin", "mein mitarbeiter", "meine mitarbeiter", "im plenum", "mein team", "meine rede", "mein antrag",
	"ma circonscription", "mon bureau", "mon cabinet", "notre commission", "notre groupe", "votre collègue", "en tant que collègue", "mon assistant", "mon équipe", "en séance", "mon amendement",
	"mi circunscripción", "mi oficina", "mi despacho", "nuestra comisión", "nuestro grupo", "su colega", "tu colega", "mi asistente", "mi equipo", "en el pleno", "mi enmienda",
	"mio collegio", "mio ufficio", "nostra commissione", "nostro gruppo", "suo collega", "mio assistente", "mio staff", "in aula", "mio emendamento",
	"moje biuro", "mojego biura", "mojego okręgu", "nasza komisja", "naszej komisji", "nasz klub", "mój asystent", "moja asystentka", "mojego asystenta", "na sali", "moja poprawka",
	"mijn kantoor", "mijn fractie", "onze fractie", "onze commissie", "mijn medewerker", "als collega", "in de kamer", "mijn amendement",
	"мого офісу", "мій офіс", "мого округу", "наш комітет", "нашого комітету", "наша фракція", "нашої фракції", "мій помічник", "моя помічниця", "мого помічника", "як колега",
	"моего офиса", "мой офис", "наш комитет", "нашего комитета", "наша фракция", "мой помощник",
	"我的办公室", "我办公室", "我的选区", "我们委员会", "我的助理", "我的秘书", "我们党团", "我的同事", "作为同事",
}

// claimsOf is every word that would claim to be the person: the office, house
// and committees the people file gives, beside the general ones.
func (in *Input) claimsOf(p *people.Person) []string {
	var list []string
	for _, word := range []string{p.Role, p.Office, p.Organisation} {
		if len(word) > 3 {
			list = append(list, strings.ToLower(word))
		}
	}
	for _, o := range in.People.Organisations() {
		if o.Kind == people.KindOwn || o.Name == p.Organisation {
			list = append(list, strings.ToLower(o.Name))
			for _, name := range o.Names {
				list = append(list, strings.ToLower(name))
			}
		}
	}
	return append(list, lowered(in.Cfg.Claims)...)
}

func lowered(words []string) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = strings.ToLower(w)
	}
	return out
}

// officeClaim returns the word by which a short text (a display name, a local
// part, a signature) claims office.
func officeClaim(text string, own []string) string {
	text = strings.ToLower(text)
	if word := says(text, own); word != "" {
		return word
	}
	if word := saysAny(text, officePhrases, furtherOfficePhrases); word != "" {
		return word
	}
	for _, word := range officeTitles {
		if saysWhole(text, word) {
			return word
		}
	}
	return ""
}

// houseNames are the names of the house's own organisations.
func (in *Input) houseNames() (list []string) {
	for _, o := range in.People.Organisations() {
		if o.Kind == people.KindOwn {
			for _, name := range append([]string{o.Name}, o.Names...) {
				list = append(list, strings.ToLower(name))
			}
		}
	}
	return list
}

// businessWords are what people inside a house write to each other about.
var businessWords = []string{
	"committee", "subcommittee", "minutes of", "the minutes", "sitting", "agenda", "amendment", "plenary", "rapporteur", "hearing", "the vote", "whips", "caucus", "secretariat", "delegation", "ministry", "minister", "parliament", "motion", "the bill", "the chamber", "the speaker", "fellow member", "colleagues", "staff list", "our group", "the group", "question time", "joint letter", "meeting room", "committee room",
	"ausschuss", "sitzung", "protokoll", "tagesordnung", "änderungsantrag", "plenum", "anhörung", "abstimmung", "fraktion", "sekretariat", "delegation", "ministerium", "parlament", "kolleg", "obleute", "referent",
	"commission", "séance", "procès-verbal", "ordre du jour", "amendement", "plénière", "audition", "le vote", "groupe parlementaire", "secrétariat", "délégation", "ministère", "ministre", "parlement", "collègue",
	"comisión", "sesión", "acta", "orden del día", "enmienda", "pleno", "audiencia", "votación", "grupo parlamentario", "secretaría", "delegación", "ministerio", "parlamento", "colega", "diputad",
	"commissione", "seduta", "verbale", "ordine del giorno", "emendamento", "aula", "audizione", "votazione", "gruppo parlamentare", "segreteria", "delegazione", "ministero", "parlamento", "collegh", "colleg",
	"comissão", "sessão", "ordem do dia", "emenda", "plenário", "votação", "bancada",
	"komisj", "posiedzen", "protokoł", "protokół", "porząd", "poprawk", "przesłuchan", "głosowan", "klub parlament", "sekretariat", "delegacj", "ministerst", "parlament", "koleg", "koleżan", "kolegów",
	"commissie", "vergadering", "notulen", "agenda", "amendement", "plenaire", "hoorzitting", "stemming", "fractie", "secretariaat", "delegatie", "ministerie", "parlement", "collega",
	"комітет", "засідан", "протокол", "порядок денн", "поправк", "пленарн", "слухан", "голосуван", "фракці", "секретаріат", "делегаці", "міністерств", "парламент", "колег",
	"комитет", "заседан", "повестк", "слушан", "голосован", "фракци", "министерств", "коллег",
	"委员会", "委員會", "会议", "會議", "议程", "議程", "修正案", "全体会", "听证", "聽證", "表决", "投票", "党团", "黨團", "秘书处", "秘書處", "代表团", "部委", "议会", "議會", "国会", "同事", "法案", "纪要",
}

// faceless are words of addresses that are made for a purpose, not for a person.
var faceless = strings.Fields(`private personal desk office contact direct urgent mail email myoffice secretary secretariat assistant info admin
team member members official executive exec boss work home inbox message messages news editor press confidential cabinet
buero büro sekretariat privat persoenlich kontakt bureau contact prive privee secretariat oficina despacho ufficio privato biuro kantoor mobile
phone iphone ipad account webmail desk1 president chair chairman minister director`)

// facelessLocal tells a local part that is put together of such words, digits
// and marks only: an ordinary person's address holds some of the person's name.
func facelessLocal(local string) bool {
	words := strings.FieldsFunc(strings.ToLower(local), func(r rune) bool { return !unicode.IsLetter(r) })
	if len(words) == 0 {
		return local != "" // digits only
	}
	for _, w := range words {
		if !slices.Contains(faceless, w) {
			return false
		}
	}
	return true
}

// unseen tells a name with characters that cannot be seen or turn the order of
// others, in a script that needs none of them.
func unseen(name string) bool {
	offsets := names.Invisible(name)
	if len(offsets) == 0 {
		return false
	}
	for _, r := range name {
		if unicode.IsLetter(r) && !unicode.In(r, unicode.Latin, unicode.Cyrillic, unicode.Greek, unicode.Han) || unicode.Is(unicode.So, r) {
			return false
		}
	}
	return true
}

// mixedLetters tells a word that mixes alphabets, or letters that only phonetics
// and mathematics use.
func mixedLetters(name string) bool {
	for word := range strings.FieldsFuncSeq(name, func(r rune) bool { return !unicode.IsLetter(r) }) {
		scripts := map[string]bool{}
		for _, r := range word {
			switch {
			case r >= 0x250 && r <= 0x2af, r >= 0x1d00 && r <= 0x1dbf, r >= 0x1d400 && r <= 0x1d7ff:
				return true
			case unicode.Is(unicode.Latin, r):
				scripts["latin"] = true
			case unicode.Is(unicode.Cyrillic, r):
				scripts["cyrillic"] = true
			case unicode.Is(unicode.Greek, r):
				scripts["greek"] = true
			}
		}
		if len(scripts) > 1 {
			return true
		}
	}
	return false
}

// publicPhrases are what members of the public say of themselves.
var publicPhrases = []string{
	"constituent", "i live in", "we live in", "our village", "my village", "our town", "my town", "our street", "my street", "my neighbour", "our neighbour", "resident of", "as a voter", "as a citizen", "as a parent", "please vote", "we ask you to", "i ask you to", "i urge you", "we share a name", "we have the same name", "same name as you", "no relation", "the other ", "namesake",
	"ich wohne", "wir wohnen", "unser dorf", "unserem dorf", "unsere straße", "meine nachbarn", "als bürger", "als wähler", "ich bitte sie, ", "bitte stimmen sie", "namensvetter", "denselben namen", "gleichen namen",
	"j'habite", "nous habitons", "notre village", "notre rue", "mes voisins", "en tant que citoyen", "en tant qu'électeur", "homonyme", "même nom",
	"vivo en", "vivimos en", "nuestro pueblo", "nuestra calle", "mis vecinos", "como ciudadan", "como votante", "tocayo", "mismo nombre",
	"abito a", "abito in", "viviamo", "nostro paese", "nostra via", "miei vicini", "come cittadin", "omonim", "stesso nome",
	"mieszkam", "mieszkamy", "nasza wieś", "naszej wsi", "nasza ulica", "moi sąsiedzi", "jako obywatel", "jako wyborc", "imiennik", "to samo nazwisko",
	"ik woon", "wij wonen", "ons dorp", "onze straat", "mijn buren", "als burger", "als kiezer", "naamgenoot", "dezelfde naam",
	"я живу", "ми живемо", "наше село", "нашому селі", "наша вулиця", "мої сусіди", "як громадян", "як виборец", "тезка", "однофамил", "як виборц", "мы живем", "наш посёлок", "соседи",
	"我住在", "我们村", "我们镇", "我们社区", "邻居", "作为选民", "作为公民", "同名",
}
