package mail

// What impostors ask for and claim to be, in further languages: rule_impersonation_words.go
// has those of the houses it was first written for. Each line is one language; phrases
// are lower case, and stems where the language inflects at the end. Like the others they come from
// what public advice on this kind of fraud names, put into each language, and not from any mail.
// A language missing here costs a finding: the name is recognised in any script, and then
// nothing is known of what the mail says.

// furtherAsks goes with asks, by the same order.
var furtherAsks = [][]string{
	{ // to be answered elsewhere or in another way than usual
		"özel adres", "kişisel adres", "kişisel e-posta", "yeni adres", "yeni numara", "telefon numara", "cep numara", "cep telefonu", "bu adrese", "bu adresten", "beni aramayın", "aramayın", "buradan yanıt", "buraya yanıt", "hesabıma giremiyorum",
		"البريد الشخصي", "بريدي الشخصي", "عنوان خاص", "عنواني الجديد", "رقم جديد", "رقم هاتف", "رقم جوال", "رقمك", "واتساب", "تلغرام", "تيليجرام", "هذا العنوان", "لا تتصل", "الرد هنا",
		"ایمیل شخصی", "آدرس شخصی", "آدرس جدید", "شماره جدید", "شماره تلفن", "شماره موبایل", "شماره همراه", "این آدرس", "تماس نگیرید", "واتساپ", "تلگرام", "همین جا پاسخ",
		"כתובת פרטית", "מייל פרטי", "דוא\"ל פרטי", "כתובת חדשה", "מספר חדש", "מספר הטלפון", "מספר טלפון", "מספר הנייד", "לכתובת זו", "לכתובת הזאת", "אל תתקשר", "וואטסאפ", "טלגרם", "השב כאן",
		"προσωπικό email", "προσωπική διεύθυνση", "προσωπικό αριθμό", "νέα διεύθυνση", "νέος αριθμός", "αριθμό τηλεφώνου", "κινητού", "κινητό σου", "κινητό σας", "αυτή τη διεύθυνση", "αυτήν τη διεύθυνση", "μη με καλέσ", "μην τηλεφων", "απάντησε εδώ", "απαντήστε εδώ",
		"địa chỉ riêng", "email cá nhân", "địa chỉ mới", "số điện thoại", "số mới", "số di động", "địa chỉ này", "đừng gọi", "không gọi điện", "trả lời tại đây", "zalo ", "viber ",
		"개인 메일", "개인 이메일", "개인메일", "새 주소", "새 번호", "휴대전화", "휴대폰", "전화번호", "연락처를", "이 주소로", "이 메일로", "전화하지", "카카오톡", "카톡", "텔레그램",
		"個人のメール", "個人メール", "私用のメール", "新しいアドレス", "新しい番号", "携帯番号", "携帯電話", "電話番号", "このアドレス", "電話しない", "電話には出", "こちらに返信", "このメールに返信", "ラインの",
		"privat adress", "privata adress", "privat mejl", "ny adress", "nytt nummer", "mobilnummer", "telefonnummer", "denna adress", "den här adressen", "ring inte", "svara här", "svara bara hit",
		"privat adresse", "private adresse", "privat mail", "privat e-post", "ny adresse", "nyt nummer", "nytt nummer", "denne adresse", "denne adressen", "ring ikke", "svar her", "svar kun her",
		"yksityinen osoite", "yksityisosoit", "uusi osoite", "uusi numero", "puhelinnumero", "tähän osoitteeseen", "älä soita", "älkää soittako", "vastaa tähän",
		"soukromou adresu", "soukromý e-mail", "soukromého e-mailu", "nová adresa", "novou adresu", "nové číslo", "telefonní číslo", "číslo mobilu", "tuto adresu", "nevolejte", "odpovězte sem",
		"súkromnú adresu", "súkromný e-mail", "nová adresa", "novú adresu", "telefónne číslo", "túto adresu", "nevolajte", "odpovedzte sem",
		"magáncím", "privát cím", "magán e-mail", "új cím", "új szám", "telefonszám", "mobilszám", "erre a címre", "ne hívj", "ide válaszolj",
		"adresa personală", "adresă personală", "e-mail personal", "adresa nouă", "număr nou", "număr de telefon", "numărul de telefon", "această adresă", "nu sunați", "nu mă suna", "răspundeți aici",
		"личен имейл", "лична поща", "нов адрес", "нов номер", "телефонен номер", "този адрес", "не се обаждайте", "отговорете тук",
		"privatnu adresu", "privatni mejl", "privatni mail", "nova adresa", "novi broj", "broj telefona", "broj mobitela", "ovu adresu", "ne zovite", "odgovorite ovdje", "приватну адресу", "нови број", "број телефона", "ову адресу", "не зовите",
		"alamat pribadi", "email pribadi", "alamat baru", "nomor baru", "nomor telepon", "nomor ponsel", "nombor telefon", "alamat ini", "jangan menelepon", "jangan telepon", "balas di sini",
		"निजी ईमेल", "निजी नंबर", "नया पता", "नया नंबर", "फ़ोन नंबर", "फोन नंबर", "मोबाइल नंबर", "इस पते", "फ़ोन न करें", "व्हाट्सएप",
		"ที่อยู่ส่วนตัว", "อีเมลส่วนตัว", "เบอร์ใหม่", "เบอร์โทรศัพท์", "หมายเลขโทรศัพท์", "อย่าโทร", "ตอบกลับที่อยู่นี้", "ไลน์ไอดี",
		"პირადი მეილ", "ახალი ნომერი", "ტელეფონის ნომ", "այս հասցե", "հեռախոսահամար",
		"asmeninį adresą", "naujas adresas", "telefono numer", "šiuo adresu", "privāto adresi", "jauna adrese", "tālruņa numur", "uz šo adresi", "isiklik aadress", "uus aadress", "telefoninumb", "sellele aadressile",
	},
	{ // money, gift cards or bank details
		"hediye kart", "havale", "banka bilgi", "iban:", "iban no", "iban num", "iban bilgi", "ödeme", "fatura", "para gönder", "geri öder", "bağış",
		"بطاقة هدية", "بطاقات هدايا", "تحويل", "حوالة", "الحساب البنكي", "دفع", "فاتورة", "تبرع",
		"کارت هدیه", "انتقال وجه", "حواله", "حساب بانکی", "پرداخت", "فاکتور", "شماره کارت",
		"כרטיס מתנה", "כרטיסי מתנה", "העברה בנקאית", "פרטי בנק", "פרטי חשבון", "תשלום", "חשבונית", "תרומה",
		"δωροκάρτ", "έμβασμα", "μεταφορά χρημάτων", "τραπεζικ", "πληρωμή", "τιμολόγιο", "δωρεά",
		"thẻ quà tặng", "chuyển khoản", "chuyển tiền", "tài khoản ngân hàng", "thanh toán", "hóa đơn", "quyên góp",
		"상품권", "기프트카드", "송금", "계좌", "이체", "결제", "입금", "후원금", "청구서",
		"ギフトカード", "商品券", "振込", "送金", "口座", "お支払い", "請求書", "立て替え", "寄付",
		"presentkort", "överför", "bankuppgift", "betalning", "faktura", "gavekort", "overfør", "bankoplysning", "betaling", "lahjakort", "tilisiirto", "pankkitie", "maksu", "lasku",
		"dárkov", "převod", "bankovní spojení", "platb", "fakturu", "darčekov", "prevod", "bankové spojenie", "ajándékkárty", "átutal", "bankszámla", "számla", "fizetés",
		"card cadou", "carduri cadou", "transfer bancar", "cont bancar", "contul bancar", "plată", "factura", "подаръчн", "банков превод", "банкова сметка", "плащане", "фактура",
		"poklon karti", "poklon-karti", "uplat", "bankovni račun", "žiro račun", "фактур", "уплат", "рачун",
		"kartu hadiah", "transfer uang", "rekening bank", "nomor rekening", "pembayaran", "tagihan", "kad hadiah", "गिफ्ट कार्ड", "बैंक खाता", "भुगतान", "บัตรของขวัญ", "โอนเงิน", "บัญชีธนาคาร", "ชำระเงิน",
		"საჩუქრის ბარათ", "გადარიცხ", "dovanų kort", "pavedim", "banko sąskait", "dāvanu kart", "pārskaitī", "kinkekaar", "pangakonto", "ülekan",
	},
	{ // secrecy
		"gizli kal", "gizli tut", "aramızda", "kimseye söyleme", "kimseyle paylaşma", "kimseye bahsetme", "iletmeyin", "paylaşmayın",
		"سري ", "سرية", "سرا ", "بيننا", "لا تخبر", "لا تشارك", "دون علم",
		"محرمانه", "بین خودمان", "به کسی نگو", "کسی مطلع نشود", "به هیچ کس",
		"סודי", "בסודיות", "בינינו", "אל תספר", "אל תעביר", "אל תשתף", "בדיסקרטיות",
		"εμπιστευτικ", "μεταξύ μας", "μην το πεις", "μην το πείτε", "μη το πεις", "μην το προωθ", "σε κανέναν",
		"giữ bí mật", "bí mật", "giữa chúng ta", "không nói với ai", "đừng nói với ai", "không chia sẻ",
		"비밀", "기밀", "대외비", "우리끼리", "다른 분께는", "말씀하지 마", "말씀하지 말", "공유하지",
		"内密", "極秘", "秘密", "ここだけの話", "誰にも", "他言", "転送しないで", "口外",
		"konfidentiell", "förtrolig", "mellan oss", "berätta inte", "vidarebefordra inte", "fortrolig", "mellem os", "mellom oss", "sig det ikke", "videresend ikke", "luottamuksel", "meidän kesken", "älä kerro", "älkää kertoko",
		"důvěrn", "mezi námi", "nikomu ne", "nepřeposílejte", "dôvern", "medzi nami", "neposielajte ďalej", "bizalmas", "köztünk", "senkinek", "ne küldd tovább",
		"confidențial", "între noi", "nu spune", "nimănui", "nu transmite", "поверител", "между нас", "никому", "не препращайте", "povjerljiv", "poverljiv", "među nama", "između nas", "nikome", "поверљив", "међу нама", "никоме",
		"rahasia", "di antara kita", "jangan beri tahu", "jangan disebar", "sulit antara", "गोपनीय", "किसी को न बता", "ความลับ", "อย่าบอก", "საიდუმლო", "არავის", "konfidencial", "tarp mūsų", "niekam", "starp mums", "nevienam", "omavahel", "kellelegi",
	},
	{ // haste
		"acil", "ivedi", "hemen", "bugün", "en kısa sürede", "bir an önce", "toplantıda", "oylamadan önce", "müsait misiniz",
		"عاجل", "فورا", "فوراً", "اليوم", "بأسرع وقت", "في أقرب وقت", "في اجتماع", "قبل التصويت",
		"فوری", "امروز", "هرچه سریع", "در جلسه", "پیش از رای",
		"דחוף", "בדחיפות", "מיד ", "מייד", "היום", "בהקדם", "בישיבה", "לפני ההצבעה",
		"επείγον", "επειγόντως", "άμεσα", "σήμερα", "το συντομότερο", "σε συνεδρίαση", "πριν από την ψηφοφορία",
		"khẩn", "gấp", "ngay lập tức", "hôm nay", "càng sớm càng tốt", "đang họp",
		"긴급", "급히", "급하", "즉시", "오늘", "최대한 빨리", "회의 중", "가능하십니까",
		"至急", "緊急", "急ぎ", "すぐに", "本日", "今日中", "会議中", "会議に出", "お時間ありますか",
		"brådskande", "snarast", "omedelbart", "idag", "i dag", "i ett möte", "haster", "hurtigst", "omgående", "i et møde", "i et møte", "kiireellinen", "kiire", "heti", "tänään", "kokouksessa",
		"naléhav", "urgentn", "co nejdříve", "okamžitě", "dnes", "na jednání", "na zasedání", "súrn", "čo najskôr", "na rokovaní", "sürgős", "azonnal", "mielőbb", "ülésen",
		"cât mai repede", "cât mai curând", "imediat", "astăzi", "într-o ședință", "спешно", "незабавно", "днес", "възможно най-скоро", "на заседание", "hitno", "odmah", "danas", "što prije", "što pre", "na sjednici", "na sednici", "хитно", "одмах", "данас",
		"segera", "mendesak", "hari ini", "secepatnya", "sedang rapat", "तुरंत", "अत्यावश्यक", "आज ही", "बैठक में", "ด่วน", "ทันที", "วันนี้", "อยู่ในการประชุม", "სასწრაფოდ", "დღესვე", "skubiai", "šiandien", "steidzami", "šodien", "kiiresti", "täna ", "täna,",
	},
	{ // a favour, papers, contacts or plans
		"quick task", "small task", "task for you", "quick request", "something for me", "yardım", "ricam ", "rica ediyorum", "gönderir misiniz", "gönderebilir misiniz", "bana gönder", "listeyi", "belgeyi", "belgeler", "belgesi", "taslak", "imza", "görüşünüz", "ekteki", "ektedir",
		"خدمة", "مساعدتك", "أرجو إرسال", "أرسل لي", "ارسل لي", "القائمة", "قائمة", "مسودة", "رأيك", "توقيع", "مرفق", "الوثيقة", "المستند",
		"لطفا", "کمک شما", "بفرستید", "ارسال کنید", "فهرست", "لیست", "پیش نویس", "پیش\u200cنویس", "نظر شما", "امضا", "پیوست", "سند",
		"לי טובה", "טובה קטנה", "טובה אישית", "עזרתך", "שלח לי", "תשלח לי", "שלחי לי", "הרשימה", "רשימת", "טיוטה", "דעתך", "לחתום", "מצורף", "מצ\"ב", "מסמך", "קובץ",
		"χάρη", "τη βοήθειά", "στείλε μου", "στείλτε μου", "μου στείλ", "τη λίστα", "λίστα", "προσχέδιο", "σχέδιο", "τη γνώμη", "υπογρ", "συνημμέν", "έγγραφο",
		"giúp", "nhờ anh", "nhờ chị", "vui lòng gửi", "gửi cho tôi", "danh sách", "bản thảo", "ý kiến", "ký tên", "chữ ký", "đính kèm", "tài liệu",
		"부탁", "도와", "보내 주", "보내주", "명단", "목록", "초안", "의견", "서명", "첨부", "문서", "자료", "일정",
		"お願い", "ご協力", "送ってください", "お送りください", "送って頂", "名簿", "リスト", "草案", "ご意見", "署名", "添付", "文書", "資料", "日程",
		"tjänst", "hjälpa mig", "din hjälp", "skicka mig", "kan du skicka", "listan", "utkast", "din åsikt", "underteckna", "bifoga", "dokument", "tjeneste", "hjælpe mig", "hjelpe meg", "send mig", "send meg", "kan du sende", "udkast", "vedhæft", "vedlagt", "palvelus", "apuasi", "lähetä minulle", "lähettäisitkö", "luettelo", "luonnos", "mielipite", "allekirj", "liitteenä", "asiakirja",
		"laskavost", "pomoc", "pošlete mi", "pošli mi", "poslat", "seznam", "návrh", "názor", "podepsat", "v příloze", "dokument", "láskavosť", "pošlite mi", "zoznam", "podpísať", "v prílohe", "szívesség", "segítség", "küldj", "küldje", "listát", "tervezet", "vélemény", "aláír", "mellékel", "dokumentum",
		"o favoare", "ajutorul", "trimiteți-mi", "trimite-mi", "lista de", "proiectul", "părerea", "semnătur", "atașat", "document", "услуга", "помощта", "изпратете ми", "списък", "проект", "мнение", "подпис", "прикачен", "документ", "uslug", "pošaljite mi", "popis", "spisak", "nacrt", "mišljenje", "potpis", "u prilogu", "пошаљите", "списак", "нацрт", "мишљење",
		"bantuan", "tolong kirim", "mohon kirim", "kirimkan", "daftar", "rancangan", "pendapat", "tanda tangan", "terlampir", "dokumen", "सहायता", "मदद", "भेजें", "भेज दें", "सूची", "मसौदा", "हस्ताक्षर", "संलग्न", "दस्तावेज़", "ช่วยส่ง", "กรุณาส่ง", "ช่วยเหลือ", "รายชื่อ", "ร่าง", "ความเห็น", "ลงนาม", "แนบ", "เอกสาร",
		"გამომიგზავნ", "დახმარება", "სიას", "დოკუმენტ", "prašau atsiųsti", "atsiųskite", "sąrašą", "dokument", "lūdzu atsūt", "nosūtiet", "sarakst", "palun saat", "saatke", "nimekir", "dokument",
	},
	{ // to log in or confirm an account
		"şifre", "parolanız", "giriş yap", "oturum aç", "hesabınız", "doğrula", "süresi dol", "askıya",
		"كلمة المرور", "كلمة السر", "تسجيل الدخول", "حسابك", "تأكيد حساب", "تأكيد الحساب", "تحقق من", "رمز عبور", "گذرواژه", "وارد شوید", "حساب شما", "تایید کنید", "منقضی",
		"סיסמה", "סיסמא", "התחבר", "חשבונך", "לאמת", "אימות", "פג תוקף", "κωδικό πρόσβασης", "κωδικός", "συνδεθείτε", "λογαριασμός σας", "λογαριασμό σας", "επιβεβαιώσ", "επαληθεύσ", "λήγει",
		"mật khẩu", "đăng nhập", "tài khoản của bạn", "xác minh", "xác nhận", "hết hạn", "비밀번호", "로그인", "계정", "인증", "만료", "パスワード", "ログイン", "アカウント", "認証", "有効期限", "確認してください",
		"lösenord", "logga in", "ditt konto", "bekräfta", "verifiera", "går ut", "adgangskode", "passord", "log ind", "logg inn", "din konto", "bekræft", "bekreft", "udløber", "utløper", "salasana", "kirjaudu", "tilisi", "vahvista", "vanhenee",
		"heslo", "přihlaste", "přihlásit", "váš účet", "vášho účtu", "ověřte", "potvrďte", "vyprší", "prihláste", "overte", "jelszó", "jelentkezzen be", "bejelentkez", "fiókja", "erősítse meg", "lejár",
		"parola dumneavoastră", "parola contului", "autentificați", "contul dumneavoastră", "confirmați", "verificați", "expiră", "парола", "влезте", "вашият акаунт", "потвърдете", "изтича", "lozink", "prijavite se", "vaš račun", "vaš nalog", "potvrdite", "ističe", "лозинк", "пријавите",
		"kata sandi", "masuk ke akun", "akun anda", "verifikasi", "konfirmasi", "kedaluwarsa", "kata laluan", "पासवर्ड", "लॉग इन", "खाता", "सत्यापित", "รหัสผ่าน", "เข้าสู่ระบบ", "บัญชีของคุณ", "ยืนยัน", "პაროლ", "slaptažod", "prisijunk", "paroli", "pieslēg", "parool", "logige sisse",
	},
}

var furtherOfficePhrases = []string{
	"milletvekili", "bakan yardımcısı", "meclis başkan", "komisyon başkan", "özel kalem", "نائب في البرلمان", "عضو البرلمان", "عضو مجلس", "رئيس لجنة", "وزير", "مكتب النائب", "نماینده مجلس", "عضو مجلس", "رئیس کمیسیون", "دفتر نماینده", "وزیر",
	"חבר כנסת", "חברת כנסת", "חבר הכנסת", "חברת הכנסת", "חבר הפרלמנט", "יושב ראש", "יו\"ר ועדת", "לשכת ", "שר ה", "βουλευτής", "βουλευτή", "υπουργός", "υπουργού", "πρόεδρος της επιτροπής", "μέλος του κοινοβουλίου", "γραφείο βουλευτή", "ευρωβουλευτής",
	"đại biểu quốc hội", "nghị sĩ", "bộ trưởng", "chủ nhiệm ủy ban", "văn phòng đại biểu", "국회의원", "의원실", "장관", "위원장", "국회의장", "의원 보좌관", "衆議院議員", "参議院議員", "国会議員", "議員事務所", "大臣", "委員長", "議長",
	"riksdagsledamot", "ledamot av", "stortingsrepresentant", "stortingsmedlem", "folketingsmedlem", "medlem af folketinget", "minister for", "kansanedustaja", "eduskunnan jäsen", "ministeri", "poslanec", "poslankyně", "poslankyňa", "ministr ", "ministryně", "předseda výboru", "predseda výboru", "országgyűlési képviselő", "miniszter", "bizottság elnöke", "képviselői iroda",
	"membru al parlamentului", "deputat al", "ministru", "cabinet parlamentar", "народен представител", "министър", "председател на комис", "член парламента", "народный депутат", "депутат ", "председатель комитета", "голова комітету", "аппарат депутата", "saborski zastupnik", "saborska zastupnica", "zastupnik u", "narodni poslanik", "narodna poslanica", "ministar", "народни посланик", "министар", "poslanec državnega zbora",
	"anggota dpr", "anggota parlemen", "ahli parlimen", "ketua komisi", "menteri", "सांसद", "संसद सदस्य", "विधायक", "मंत्री", "สมาชิกสภาผู้แทนราษฎร", "รัฐมนตรี", "ประธานคณะกรรมาธิการ", "პარლამენტის წევრი", "դեպուտատ", "պատգամավոր", "seimo narys", "seimo narė", "saeimas deputāt", "riigikogu liige", "deputado federal", "membro do parlamento", "vereador",
}

var furtherSelfPhrases = []string{
	"meslektaş", "komisyonumuz", "komisyon toplantı", "meclis grubumuz", "danışmanım", "ofisim", "seçim bölgem", "genel kurulda", "زميلي", "زميل", "لجنتنا", "اجتماع اللجنة", "مكتبي", "كتلتنا", "مساعدي", "دائرتي", "همکار شما", "همکارتان", "به عنوان همکار", "کمیسیون ما", "جلسه کمیسیون", "دفتر من", "فراکسیون ما",
	"כעמית", "עמיתך", "ועדה שלנו", "ישיבת ועדה", "ישיבת הוועדה", "הלשכה שלי", "הסיעה שלנו", "העוזר שלי", "συνάδελφ", "η επιτροπή μας", "συνεδρίαση της επιτροπής", "το γραφείο μου", "κοινοβουλευτική μας ομάδα", "ο βοηθός μου", "στην ολομέλεια",
	"đồng nghiệp", "họp ủy ban", "ủy ban của chúng", "văn phòng tôi", "trợ lý của tôi", "동료 의원", "위원회 회의", "저희 위원회", "우리 위원회", "제 사무실", "저희 의원실", "우리 의원실", "제 보좌관", "저희 보좌관", "본회의 중", "同僚として", "同僚議員", "委員会に出", "当委員会", "私の事務所", "秘書に", "本会議中",
	"min valkrets", "mitt kontor", "vårt utskott", "vår grupp", "som kollega", "i kammaren", "min sekreterare", "mit kontor", "vores udvalg", "vår komité", "vores gruppe", "i salen", "toimistoni", "valiokuntamme", "ryhmämme", "avustajani", "täysistunnossa",
	"moje kancelář", "mé kanceláři", "našeho výboru", "náš výbor", "náš klub", "můj asistent", "moja kancelária", "nášho výboru", "môj asistent", "az irodám", "bizottságunk", "frakciónk", "asszisztensem", "biroul meu", "comisia noastră", "grupul nostru", "asistentul meu", "în plen",
	"моят кабинет", "нашата комисия", "нашата група", "сътрудникът ми", "в пленарна", "мој кабинет", "наш одбор", "наша посланичка", "moj ured", "moj kabinet", "naš odbor", "naš klub", "moj pomoćnik", "моего округа", "мой округ", "моей приёмной", "на пленарном", "meu gabinete", "nossa comissão", "nossa bancada", "meu assessor",
	"kantor saya", "komisi kami", "fraksi kami", "asisten saya", "rekan sejawat", "मेरा कार्यालय", "हमारी समिति", "मेरे सहायक", "สำนักงานของผม", "สำนักงานของดิฉัน", "คณะกรรมาธิการของเรา", "ผู้ช่วยของผม", "ჩემი ოფისი", "ჩვენი კომიტეტი", "mano biur", "mūsų komitet", "mans birojs", "mūsu komisij", "minu büroo", "meie komisjon",
}

var furtherBehalfPhrases = []string{
	"ofisi", "özel kalemi", "adına", "مكتب ", "مدير مكتب", "نيابة عن", "دفتر ", "از طرف", "לשכת ", "בשם ", "מטעם ", "γραφείο ", "εκ μέρους", "văn phòng ", "thay mặt", "의원실", "비서실", "事務所", "秘書", "代理", "kansli", "på uppdrag av", "kontoret til", "på vegne af", "på vegne av", "toimisto", "puolesta", "kancelář ", "kancelária ", "jménem", "v mene ", "irodája", "nevében", "biroul ", "cabinetul ", "în numele", "кабинет на", "от името на", "кабинет ", "от имени", "від імені", "ured ", "kabinet ", "u ime ", "kantor ", "atas nama", "कार्यालय", "की ओर से", "สำนักงาน", "ในนาม", "gabinete do", "gabinete da", "escritório de", "em nome de",
}

var furtherBusinessWords = []string{
	"komisyon", "gündem", "tutanak", "oylama", "genel kurul", "önerge", "meclis", "bakanlık", "لجنة", "اللجنة", "جدول الأعمال", "محضر", "تصويت", "التصويت", "البرلمان", "الوزارة", "جلسة", "مشروع القانون", "کمیسیون", "جلسه", "دستور کار", "رای گیری", "رأی\u200cگیری", "مجلس", "وزارت", "לוועדה", "ועדה", "הוועדה", "סדר היום", "פרוטוקול", "הצבעה", "מליאה", "כנסת", "הצעת חוק", "משרד ה",
	"επιτροπή", "επιτροπής", "συνεδρίαση", "ημερήσια διάταξη", "πρακτικά", "ψηφοφορία", "ολομέλεια", "τροπολογία", "κοινοβούλι", "υπουργεί", "ủy ban", "chương trình nghị sự", "biên bản", "bỏ phiếu", "quốc hội", "dự luật", "bộ trưởng", "위원회", "회의", "의제", "회의록", "표결", "본회의", "법안", "국회", "개정안", "청문회", "委員会", "議事録", "議題", "採決", "本会議", "法案", "国会", "修正案", "公聴会", "会派",
	"utskott", "dagordning", "protokoll", "votering", "omröstning", "kammaren", "motion", "riksdag", "udvalg", "dagsorden", "referat", "afstemning", "folketing", "storting", "komité", "avstemning", "valiokun", "esityslist", "pöytäkirj", "äänesty", "täysistun", "eduskun", "výbor", "pořad jednání", "zápis", "hlasován", "pozměňovací", "parlament", "ministerstv", "výboru", "rokovani", "hlasovan", "bizottság", "napirend", "jegyzőkönyv", "szavazás", "plenáris", "módosító", "országgyűl", "minisztéri",
	"comisia", "comisiei", "ordinea de zi", "procesul-verbal", "votul", "votare", "plenul", "amendament", "parlament", "minister", "комиси", "дневен ред", "протокол", "гласуване", "пленарн", "народно събрание", "odbor", "dnevni red", "zapisnik", "glasanj", "glasovanj", "saboru", "skupštin", "одбор", "дневни ред", "гласањ", "скупштин", "komisi", "agenda", "notulen", "pemungutan suara", "paripurna", "rancangan undang", "समिति", "कार्यसूची", "मतदान", "संसद", "विधेयक", "मंत्रालय", "คณะกรรมาธิการ", "วาระการประชุม", "ลงมติ", "รัฐสภา", "ร่างกฎหมาย", "კომიტეტ", "სხდომ", "კენჭისყრ", "პარლამენტ", "komitet", "posėd", "balsavim", "seime", "seimo ", "komisij", "sēd", "balsojum", "saeim", "komisjon", "istung", "hääletus", "riigikogu",
}

var furtherPublicPhrases = []string{
	"seçmen", "vatandaş olarak", "mahallemiz", "köyümüz", "oturuyorum", "adaşınız", "ناخب", "كمواطن", "أسكن في", "قريتنا", "حينا", "شهروند", "ساکن", "محله ما", "روستای ما", "תושב", "כאזרח", "אני גר", "אני מתגורר", "השכונה שלנו", "κάτοικος", "ως πολίτης", "μένω στ", "το χωριό μας", "η γειτονιά", "συνονόματ", "cử tri", "người dân", "tôi sống ở", "làng chúng tôi", "khu phố", "주민", "시민으로서", "유권자", "살고 있", "우리 마을", "우리 동네", "동명이인", "住民", "市民として", "有権者", "住んでい", "私たちの町", "同姓同名",
	"väljare", "som medborgare", "jag bor", "vår by", "grannar", "som borger", "jeg bor", "vores by", "naboer", "namnebror", "navnebror", "kansalaisena", "asun ", "kylämme", "naapuri", "bydlím", "naše obec", "naší obci", "jako občan", "sousedé", "bývam", "našej obci", "ako občan", "lakom ", "falunk", "állampolgárként", "szomszéd", "locuiesc", "satul nostru", "ca cetățean", "vecinii", "живея в", "нашето село", "като гражданин", "съсед", "stanujem", "živim u", "naše selo", "kao građan", "susjed", "komšij", "станујем", "живим у", "мешкаю", "мешканець", "мешканк", "житель", "жительниц", "проживаю",
	"sebagai warga", "saya tinggal", "desa kami", "tetangga", "नागरिक के रूप", "हमारा गांव", "हमारे गाँव", "पड़ोसी", "ในฐานะประชาชน", "หมู่บ้านของเรา", "ვცხოვრობ", "gyvenu", "kaip pilietis", "dzīvoju", "kā pilson", "ma elan ", "kodanikuna", "moro em", "como cidad", "nossa rua", "meus vizinhos",
}

var furtherServiceWords = []string{
	"güvenlik", "destek", "yönetici", "bilgi işlem", "sekreterlik", "الأمن", "الدعم", "الإدارة", "الدعم الفني", "سكرتارية", "امنیت", "پشتیبانی", "دبیرخانه", "אבטחה", "תמיכה", "מנהל מערכת", "מזכירות", "ασφάλεια", "υποστήριξη", "γραμματεία", "διαχειριστή", "an ninh", "hỗ trợ", "quản trị", "ban thư ký", "보안", "지원", "관리자", "사무처", "전산", "セキュリティ", "サポート", "管理者", "事務局", "ヘルプデスク", "säkerhet", "sikkerhed", "sikkerhet", "supporten", "kansliet", "turvallisuus", "tukipalvelu", "ylläpito", "bezpečnost", "podpora", "správce", "sekretariát", "biztonság", "ügyfélszolgálat", "rendszergazda", "titkárság", "securitate", "suport", "administrare", "secretariat", "сигурност", "поддръжка", "администратор", "sigurnost", "podrška", "tajništvo", "keamanan", "dukungan", "sekretariat", "सुरक्षा", "सहायता", "ความปลอดภัย", "ฝ่ายสนับสนุน", "segurança", "suporte", "secretaria",
}
