package source

import "strings"

// stateOf tells by the names of a folder and of those that it lies in what it is
// for. Mailboxes that don't say so otherwise name them in the owner's language;
// these are the names that Gmail, Outlook, Thunderbird and Apple Mail use. A
// name that is not here leaves the state unknown, which is harmless: the message is then one like others.
func stateOf(path ...string) (s State) {
	for _, name := range path {
		s |= folderStates[strings.ToLower(strings.TrimSpace(name))]
	}
	return s
}

var folderStates = statesByName(map[State]string{
	Sent: `sent|sent items|sent mail|sent messages|gesendet|gesendete elemente|gesendete objekte|envoyés|messages envoyés|éléments envoyés|enviados|elementos enviados|mensajes enviados|
itens enviados|e-mails enviados|inviata|posta inviata|inviati|elementi inviati|wysłane|elementy wysłane|verzonden|verzonden items|verzonden berichten|odeslané|odeslaná pošta|odoslané|
skickat|skickade|skickade objekt|sendt|sendte elementer|sendt post|lähetetyt|trimise|elemente trimise|elküldött|elküldött elemek|poslano|poslane stavke|изпратени|отправленные|надіслані|απεσταλμένα|
gönderilmiş öğeler|gönderilmiş postalar|saadetud|saadetud kirjad|nosūtītie|nosūtītās|išsiųsta|išsiųsti laiškai|送信済みアイテム|送信済みメール|已发送|已发送邮件|已傳送郵件|寄件備份|보낸 편지함|보낸편지함|המיילים שנשלחו|פריטים שנשלחו|البريد المرسل|الرسائل المرسلة|العناصر المرسلة|ارسال` + "\u200c" + `شده`,
	Draft: `drafts|outbox|unsent messages|templates|entwürfe|postausgang|brouillons|boîte d'envoi|borradores|bandeja de salida|rascunhos|bozze|posta in uscita|wersje robocze|skrzynka nadawcza|concepten|postvak uit|koncepty|utkast|
kladder|luonnokset|ciorne|schițe|piszkozatok|чернови|черновики|чернетки|πρόχειρα|taslaklar|下書き|草稿|임시보관함|임시 보관함|טיוטות|المسودات|مسودات`,
	Junk: `spam|junk|junk e-mail|junk email|junk mail|bulk mail|bulk|junk-e-mail|courrier indésirable|indésirables|pourriel|correo no deseado|lixo eletrônico|lixo eletrónico|lixo electrónico|posta indesiderata|
wiadomości-śmieci|ongewenste e-mail|nevyžádaná pošta|skräppost|søppelpost|uønsket e-mail|roskaposti|levélszemét|спам|нежелательная почта|небажана пошта|ανεπιθύμητη αλληλογραφία|önemsiz|gereksiz e-posta|迷惑メール|垃圾邮件|垃圾郵件|스팸함|정크 메일|ספאם|דואר זבל|البريد العشوائي|البريد غير الهام`,
	Deleted: `trash|bin|deleted|deleted items|deleted messages|papierkorb|gelöschte elemente|gelöscht|corbeille|éléments supprimés|papelera|elementos eliminados|lixeira|lixo|itens excluídos|itens eliminados|cestino|posta eliminata|
kosz|elementy usunięte|prullenbak|verwijderde items|koš|odstraněná pošta|papperskorgen|borttagna objekt|papirkurv|papirkorg|slettede elementer|slettet post|roskakori|poistetut|coș de gunoi|elemente șterse|kuka|törölt elemek|кошче|
корзина|удаленные|кошик|видалені|κάδος απορριμμάτων|διαγραμμένα|çöp kutusu|silinmiş öğeler|ゴミ箱|削除済みアイテム|已删除|已删除邮件|垃圾箱|刪除的郵件|垃圾桶|휴지통|지운 편지함|אשפה|פריטים שנמחקו|المهملات|العناصر المحذوفة`,
})

func statesByName(lists map[State]string) map[string]State {
	names := map[string]State{}
	for state, list := range lists {
		for name := range strings.SplitSeq(list, "|") {
			names[strings.TrimSpace(name)] = state
		}
	}
	return names
}
