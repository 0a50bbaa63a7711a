package screening

// countryTable has a line for each country: its code, its name, other names and the
// adjective lists use. Names as CLDR gives them, folded.
const countryTable = `
ac ascension island
ad andorra
ae united arab emirates,emirati,uae
af afghanistan,afghan,islamic republic of afghanistan,afg
ag antigua and barbuda
ai anguilla
al albania
am armenia
ao angola
aq antarctica
ar argentina,argentine,argentinian
as american samoa
at austria,austrian
au australia,australian,aus
aw aruba
ax åland islands,aland islands
az azerbaijan,azerbaijani
ba bosnia and herzegovina,bosnian
bb barbados
bd bangladesh,bangladeshi
be belgium,belgian
bf burkina faso
bg bulgaria,bulgarian
bh bahrain,bahraini
bi burundi
bj benin
bl st barthélemy,st barthelemy
bm bermuda
bn brunei
bo bolivia
bq caribbean netherlands
br brazil,brazilian
bs bahamas
bt bhutan
bv bouvet island
bw botswana
by belarus,belarusian,belarussian,republic of belarus
bz belize
ca canada,canadian,can
cc cocos keeling islands
cd congo kinshasa,democratic republic of the congo,drc,congolese,congo democratic republic
cf central african republic
cg congo brazzaville,republic of the congo,congo
ch switzerland,swiss
ci côte divoire,cote divoire,ivory coast,ivorian
ck cook islands
cl chile,chilean
cm cameroon,cameroonian
cn china,chinese,peoples republic of china,prc,chn,people s republic of china
co colombia,colombian
cp clipperton island
cq sark
cr costa rica
cu cuba,cuban
cv cape verde
cw curaçao,curacao
cx christmas island
cy cyprus,cypriot
cz czechia,czech republic,czech
de germany,german,deu,federal republic of germany
dg diego garcia
dj djibouti
dk denmark,danish
dm dominica
do dominican republic
dz algeria,algerian,dza
ea ceuta and melilla
ec ecuador
ee estonia,estonian
eg egypt,egyptian,egy
eh western sahara
er eritrea,eritrean
es spain,spanish
et ethiopia,ethiopian
fi finland,finnish
fj fiji
fk falkland islands
fm micronesia
fo faroe islands
fr france,french,fra
ga gabon
gb united kingdom,british,uk,great britain,united kingdom of great britain and northern ireland,gbr
gd grenada
ge georgia,georgian
gf french guiana
gg guernsey
gh ghana
gi gibraltar
gl greenland
gm gambia
gn guinea
gp guadeloupe
gq equatorial guinea
gr greece,greek
gs south georgia and south sandwich islands
gt guatemala,guatemalan
gu guam
gw guinea bissau,bissau guinean,guinean
gy guyana
hk hong kong sar china,hong kong
hm heard and mcdonald islands
hn honduras
hr croatia,croatian
ht haiti,haitian
hu hungary,hungarian
ic canary islands
id indonesia,indonesian
ie ireland,irish
il israel,israeli
im isle of man
in india,indian,ind
io british indian ocean territory
iq iraq,iraqi,irq
ir iran,iranian,islamic republic of iran,iran islamic republic of,irn
is iceland
it italy,italian
je jersey
jm jamaica,jamaican
jo jordan,jordanian
jp japan,japanese
ke kenya,kenyan
kg kyrgyzstan,kyrgyz,kyrgyzstani
kh cambodia,cambodian
ki kiribati
km comoros
kn st kitts and nevis
kp north korea,north korean,democratic peoples republic of korea,dprk,korea democratic peoples republic of,democratic people s republic of korea,prk
kr south korea,south korean,republic of korea,korea republic of,korea
kw kuwait,kuwaiti
ky cayman islands
kz kazakhstan,kazakh,kazakhstani
la laos,lao
lb lebanon,lebanese
lc st lucia
li liechtenstein
lk sri lanka
lr liberia
ls lesotho
lt lithuania,lithuanian
lu luxembourg
lv latvia,latvian
ly libya,libyan,state of libya
ma morocco,moroccan
mc monaco
md moldova,moldovan,republic of moldova
me montenegro,montenegrin
mf st martin
mg madagascar
mh marshall islands
mk north macedonia
ml mali,malian
mm myanmar burma,burma,burmese,myanmar
mn mongolia,mongolian
mo macao sar china
mp northern mariana islands
mq martinique
mr mauritania
ms montserrat
mt malta
mu mauritius
mv maldives
mw malawi
mx mexico,mexican
my malaysia,malaysian
mz mozambique,mozambican
na namibia
nc new caledonia
ne niger,nigerien
nf norfolk island
ng nigeria,nigerian
ni nicaragua,nicaraguan
nl netherlands,dutch,the netherlands
no norway,norwegian
np nepal
nr nauru
nu niue
nz new zealand
om oman,omani
pa panama
pe peru
pf french polynesia
pg papua new guinea
ph philippines,filipino,philippine
pk pakistan,pakistani,islamic republic of pakistan,pak
pl poland,polish
pm st pierre and miquelon
pn pitcairn islands
pr puerto rico
ps palestinian territories,palestinian,palestine,state of palestine
pt portugal,portuguese
pw palau
py paraguay
qa qatar,qatari
re réunion,reunion
ro romania,romanian
rs serbia,serbian
ru russia,russian,russian federation,rus
rw rwanda,rwandan
sa saudi arabia,saudi,saudi arabian,kingdom of saudi arabia,sau
sb solomon islands
sc seychelles
sd sudan,sudanese
se sweden,swedish
sg singapore,singaporean
sh st helena
si slovenia,slovenian
sj svalbard and jan mayen
sk slovakia,slovak
sl sierra leone
sm san marino
sn senegal,senegalese
so somalia,somali
sr suriname
ss south sudan,south sudanese
st são tomé and príncipe,sao tome and principe
sv el salvador
sx sint maarten
sy syria,syrian,syrian arab republic,syr
sz eswatini
ta tristan da cunha
tc turks and caicos islands
td chad,chadian
tf french southern territories
tg togo
th thailand,thai
tj tajikistan,tajik
tk tokelau
tl timor leste
tm turkmenistan,turkmen
tn tunisia,tunisian
to tonga
tr türkiye,turkiye,turkish,turkey,tur
tt trinidad and tobago
tv tuvalu
tw taiwan,taiwanese,taiwan province of china
tz tanzania,tanzanian,united republic of tanzania
ua ukraine,ukrainian,ukr
ug uganda,ugandan
uk united kingdom
us united states,american,usa,united states of america
uy uruguay
uz uzbekistan,uzbek
va vatican city
vc st vincent and grenadines
ve venezuela,venezuelan,bolivarian republic of venezuela,venezuela bolivarian republic of
vg british virgin islands
vi us virgin islands
vn vietnam,vietnamese,viet nam
vu vanuatu
wf wallis and futuna
ws samoa
xk kosovo
ye yemen,yemeni,republic of yemen,yem
yt mayotte
za south africa,south african
zm zambia,zambian
zw zimbabwe,zimbabwean
`
