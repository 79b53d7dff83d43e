"""Anger, wishes for a person and small talk, in the visitors' own words: two of each sentence, so that a rule is of language."""

import pytest

from minidesk.answering.anger import angry
from minidesk.answering.outcome import Answered, Clarify, HandOff, Question, Turn
from minidesk.answering.smalltalk import (
    ASIDE,
    BOT,
    BYE,
    GO_AHEAD,
    GREETING,
    HOW,
    READY,
    SPEAKS,
    THANKS,
    smalltalk,
    smalltalk_in,
)
from minidesk.answering.wants_human import wants_human
from minidesk.ask import Asker, answer
from minidesk.knowledge.embed import Embedder
from minidesk.settings import Settings
from tests.answering.conftest import embedder as embedder  # noqa: PLC0414 (a fixture, named so that pytest finds it)
from tests.answering.shop import SmallSearch
from tests.conftest import FakeClock

ANGRY = [
    "this is a joke. three emails and no answer. i want my money back NOW", "two calls and not a single reply", "give me back my money",
    "WHAT THE HELL IS WRONG WITH YOU PEOPLE", "where the hell is my parcel", "I'm so angry, this is the worst shop ever",
    "we are really fed up", "the worst customer service", "your service is a disgrace", "bunch of crooks!", "you people are pathetic",
    "This is outrageous.", "is this some kind of joke?", "never again!", "I will never buy from you again", "nobody ever answers",
    "I have asked five times now", "for the third time: where is my order", "I have had enough of this", "🤬🤬",
    "So eine Frechheit!", "das ist eine Unverschämtheit", "Sauladen, nie wieder", "nie wieder bei euch", "Ich hab jetzt dreimal gefragt, es reicht!",
    "mir reicht's langsam", "Ihr seid echt das Letzte, ich warte seit 3 Stunden!!!", "Sie sind unfähig", "ich bin stinksauer", "Ich bin wirklich wütend",
    "wollt ihr mich verarschen?", "Das ist jetzt das dritte Mal, dass ich schreibe", "keiner meldet sich", "ich will sofort mein Geld zurück", "Soll das ein Witz sein?",
    "Absolutely disgusted with your service", "You lot are a bunch of amateurs", "I'm livid. Third wrong item in a row.", "This company is a total rip off",
    "What a shambles", "I've been lied to again and again", "Are you kidding me?!", "are you serious??",
    "This is the fourth time I'm writing to you", "Still no reply after ten emails, unbelievable", "I will go to the press if I don't hear back", "I want a refund right now or I'll sue",
    "your delivery is a nightmare", "I hate this shop", "this is bullshit", "sort it out you muppets",
    "screw this, cancel everything", "Unfassbar, was hier abgeht", "Das ist doch nicht euer Ernst", "Ich bin echt sauer auf euch",
    "Einmal und nie wieder!", "Euer Kundendienst ist unter aller Sau", "Das ist Betrug!", "Ich fühle mich verarscht",
    "Was soll der Mist", "Seit Wochen warte ich und niemand meldet sich", "Ich habe euch schon vier Mails geschrieben und bekomme keine Antwort", "Ich schalte jetzt meinen Anwalt ein",
    "Saftladen!!", "Ihr seid so unfähig", "Jetzt reicht es mir aber", "Das darf doch nicht wahr sein",
]  # fmt: skip
NOT_ANGRY = [
    "what is the worst weather the tent can stand?", "Is this mail a scam?", "I'm not angry, just curious", "how many times can I renew?",
    "I asked my wife three questions about tents", "never wash it again?", "Is it a joke gift?", "can I get my money back", "money back within 30 days?",
    "Do I have enough points?", "what the difference is between Lizum 2 and 3", "I have been waiting for two days, is that normal?", "I tried the code three times",
    "WHERE IS MY ORDER???", "shit, I ordered the wrong size", "Ist die Milch sauer?", "Ist das das letzte Paar?", "war nur ein Scherz", "Erzähl mir einen Witz",
    "Reicht es, wenn ich morgen komme?", "Wie oft reicht eine Imprägnierung?", "ich warte seit zwei Tagen auf mein Paket, ist das normal?", "nie wieder nasse Füße: welche Schuhe?",
    "Mist, ich habe die falsche Größe bestellt", "Wie erkenne ich Betrug?", "Kann ich zum dritten Mal verlängern?", "Ich habe dreimal bestellt",
    "Is the horrible weather a problem for the tent?", "Do you sell angry birds toys", "the worst that can happen is that it leaks, right?", "I am fed up with wet feet, which boots keep dry?",
    "I'm sick of carrying heavy tents: what is your lightest?", "what a joke of a zip, can it be repaired?", "Nobody is at home during the day, where does the parcel go?", "no one answers the door, what does the courier do",
    "never again cold nights: which bag for -20?", "I'm tired of waiting, when does the shop open", "is the refund back within 10 days?", "how many days until I get my money back",
    "this is terrible weather, can I change the pick-up day", "three times a day?", "I called twice, which number is right?", "Ist das ein Witz-Artikel?",
    "Meine Schuhe sind eine Katastrophe, wie reinige ich sie?", "Wie lange reicht die Kartusche?", "Das reicht für zwei Personen?", "Niemand ist zu Hause, was passiert mit dem Paket?",
    "Ist das Zelt das letzte auf Lager?", "Reicht ein Ausweis?",
]  # fmt: skip


ANGRY_ELSEWHERE = [
    "C'est une honte !", "C'est inadmissible, personne ne répond", "Vous êtes des voleurs", "Je suis vraiment en colère", "bande d'escrocs", "Plus jamais chez vous !",
    "C'est la troisième fois que je vous écris", "j'en ai marre", "Je vais porter plainte",
    "¡Es una vergüenza!", "Esto es una estafa", "Sois unos ladrones", "Estoy harto de esperar", "Nadie me contesta", "Es la tercera vez que escribo", "Voy a denunciarlos",
    "È una vergogna!", "Siete dei truffatori", "Sono furioso", "Nessuno mi risponde", "È la quarta volta che vi scrivo", "Mai più da voi", "Questa è una truffa!",
    "Dit is een schande!", "Jullie zijn oplichters", "Ik ben echt woedend", "Niemand reageert", "Dit is de derde keer dat ik mail", "Nooit meer!", "Wat een waardeloze service",
    "To jest skandal!", "Jesteście oszustami", "Jestem wściekły", "Nikt nie odpowiada", "Trzeci raz piszę w tej sprawie", "Nigdy więcej!", "Mam dość",
    "É uma vergonha!", "Vocês são uns ladrões", "Estou furiosa", "Ninguém me responde", "É a terceira vez que escrevo", "Nunca mais compro aqui", "Que absurdo!",
    "Это безобразие!", "Вы мошенники", "Я очень зол", "Никто не отвечает", "Третий раз пишу", "Ужасный сервис", "Сколько можно ждать?",
    "Bu bir rezalet!", "Dolandırıcısınız", "Çok sinirliyim", "Kimse cevap vermiyor", "Üçüncü kez yazıyorum", "Bir daha asla!", "Dalga mı geçiyorsunuz?",
    "هذا عار عليكم", "أنتم نصابين", "أنا غاضب جداً", "لا أحد يرد", "للمرة الثالثة أسأل عن طلبي", "لن أشتري منكم مرة أخرى", "سئمت منكم",
    "זו בושה!", "אתם גנבים", "אני כועסת", "אף אחד לא עונה", "נמאס לי", "אפנה לעורך דין", "לעולם לא אקנה שוב",
    "ふざけるな", "いい加減にしてください", "ひどい対応だ", "二度と買いません", "何度も連絡したのに返事がない", "本当に怒っています", "今すぐ返金しろ",
    "你们太过分了", "我很生气", "你们是骗子", "服务太差了", "没人回复我", "第三次问了", "再也不买了", "我要投诉你们",
]  # fmt: skip
NOT_ANGRY_ELSEWHERE = [
    "Cet e-mail est-il une arnaque ?", "Je ne suis pas en colère, juste curieux", "Personne ne répond à la porte, que fait le livreur ?", "Est-ce que c'est du cuir ?",
    "plus jamais froid : quel sac de couchage ?", "¿Este correo es una estafa?", "No estoy enfadado, solo pregunto", "Estoy harto de mochilas pesadas, ¿cuál es la más ligera?",
    "¿Cuántas veces puedo cambiar?", "Questa mail è sospetta?", "Non sono arrabbiato", "Sono stufo di scarpe pesanti, quali consigliate?", "Mai più freddo: quale sacco a pelo?",
    "Is dit bericht oplichting?", "Ik ben niet boos", "Nooit meer natte voeten: welke schoenen?", "Czy to oszustwo?", "Nie jestem zły", "Nikt nie jest w domu, gdzie zostawicie paczkę?",
    "Este e-mail é um golpe?", "Não estou zangado", "Quantas vezes posso trocar?", "Это письмо от вас?", "Я не злюсь, просто спрашиваю", "Надоело носить тяжёлую палатку, что легче?",
    "Bu e-posta sizden mi?", "Kızgın değilim", "Kaçıncı beden almalıyım?", "هل هذا البريد منكم؟", "لست غاضباً، أسأل فقط", "هل الخيمة مقاومة للماء؟",
    "אני לא כועסת, רק שואלת", "האם האוהל עמיד למים?", "怒っていません、質問です", "最悪の天気でも使えますか", "このテントは何人用ですか", "我不生气，只是问问", "最差的天气能用吗", "没人在家怎么办",
]  # fmt: skip


@pytest.mark.parametrize("text", ANGRY_ELSEWHERE)
def test_anger_is_heard_in_other_languages(text: str) -> None:
    assert angry(text)


@pytest.mark.parametrize("text", NOT_ANGRY_ELSEWHERE)
def test_what_is_calm_in_other_languages_is_no_anger(text: str) -> None:
    assert not angry(text)


@pytest.mark.parametrize("text", ANGRY)
def test_anger_is_heard(text: str) -> None:
    assert angry(text)


@pytest.mark.parametrize("text", NOT_ANGRY)
def test_what_only_sounds_loud_is_no_anger(text: str) -> None:
    assert not angry(text)


ASKS = [
    "that's no help at all", "you are no use to me", "still not helping", "that really isn't helpful", "this still does not help me",
    "hilft mir nicht weiter", "bringt nichts", "das hat überhaupt nicht geholfen", "war leider nicht hilfreich", "damit kann ich nichts anfangen",
    "Kann ich bei euch mit wem telefonieren?", "ich möchte mit irgendwem reden", "mensch bite", "Bitte um Rückmeldung durch einen Kollegen",
    "ich hätte gern Auskunft von einem Mitarbeiter", "Wer ist euer Vorgesetzter? Ich will den sprechen.", "kann ich Ihren Chef sprechen",
    "können Sie mich bitte durchstellen", "stellen Sie mich durch", "Gibt es hier auch echte Leute?", "schreibt hier ein lebender Mensch?",
    "Darf ich mit Frau Dr. Sommer sprechen?", "ich möchte mit Herrn Maier telefonieren", "mit wem kann ich reden?",
    "Je voudrais parler à un conseiller", "passez-moi un conseiller svp", "y a-t-il quelqu'un ?", "Pouvez-vous me rappeler ?",
    "Quiero hablar con una persona", "necesito un agente", "¿Hay alguien ahí?", "no quiero hablar con un bot",
    "Vorrei parlare con un operatore", "mi passi un operatore", "C'è qualcuno?", "potete richiamarmi?",
    "Ik wil een medewerker spreken", "kan ik met iemand praten", "verbind me door", "Is er iemand?",
    "Chcę rozmawiać z człowiekiem", "proszę o kontakt z konsultantem", "poproszę konsultanta", "Proszę oddzwonić",
    "Quero falar com uma pessoa", "quero um atendente", "me passe para um atendente", "Tem alguém aí?",
    "Bir insanla konuşmak istiyorum", "Müşteri temsilcisi istiyorum", "beni arayın lütfen", "canlı destek",
    "أريد التحدث مع موظف", "حولني إلى موظف من فضلك", "هل هناك أحد؟", "שיחה עם נציג אנושי", "אני רוצה לדבר עם נציג", "תעבירו אותי לנציג",
    "オペレーターと話したい", "人間と話したいです", "担当者に代わってください", "我要人工客服", "转人工", "我想和真人说话",
    "Хочу поговорить с человеком", "соедините меня с оператором", "позовите оператора",
    "I'd like to speak with Martina", "someone needs to sort this out for me", "gibts hier wen zum reden", "Ich brauch nen Menschen",
    "ich will mit euch telefonieren", "Könnt ihr mir einen Kollegen geben?", "hol mal deinen Chef", "antwortet hier auch ein Mensch?",
    "bitte echten Berater",
]  # fmt: skip
DOES_NOT_ASK = [
    "My agent account doesn't work, where do I reset the password?", "agent login", "Is there a human resources department?", "do you test with human hair",
    "how do I complain about a product", "does the code help with shipping?", "what helps against leaks?", "is it of help in snow?",
    "mit wem muss ich wegen Sponsoring sprechen?", "Wann kann ich mit Frau Dr. Sommer sprechen?", "Kann man im Laden Deutsch sprechen?", "Ich biete mein Zelt an",
    "Hilft Imprägnieren nicht gegen Schnee?", "Bekomme ich eine Antwort per Mail?", "Welche Leute arbeiten bei euch?",
    "Êtes-vous un robot ?", "Quel est le numéro du service client ?", "La tente est pour deux personnes ?", "¿Eres un robot?", "¿Para cuántas personas es la tienda?",
    "¿Cuál es el número de atención al cliente?", "Sei un robot?", "Per quante persone è la tenda?", "Ben je een robot?", "Voor hoeveel mensen is de tent?",
    "Czy jesteś botem?", "Ile osób się zmieści?", "Você é um robô?", "Para quantas pessoas é a tenda?", "Sen robot musun?", "Kaç kişi sığar?",
    "هل أنت إنسان؟", "ما هو رقم خدمة العملاء؟", "אתה בן אדם?", "כמה אנשים נכנסים לאוהל?", "あなたは人間ですか?", "何人用ですか?", "你是真人吗", "客服电话是多少", "Ты бот?", "Сколько человек помещается?",
]  # fmt: skip


@pytest.mark.parametrize("text", ASKS)
def test_a_request_for_a_person_is_heard(text: str) -> None:
    assert wants_human(text)


@pytest.mark.parametrize("text", DOES_NOT_ASK)
def test_what_only_looks_like_one_is_not(text: str) -> None:
    assert not wants_human(text)
    assert not angry(text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("test", READY), ("Test 123", READY), ("this is just a test", READY), ("lol", READY), ("hahaha", READY), ("hmm", READY), ("asdfgh", READY), ("aaaa", READY),
        ("never mind", READY), ("ok, forget it", READY), ("Sorry, wrong window", READY), ("just looking around", READY), ("yes", READY), ("nö", READY),
        ("egal", READY), ("hat sich erledigt", READY), ("falsches Fenster, sorry", READY), ("Moment bitte", READY), ("na gut", READY),
        ("what can you do", BOT), ("So how can you help me?", BOT), ("who made you", BOT), ("what's your name", BOT), ("do you have a name?", BOT),
        ("Wie heißt du?", BOT), ("Was kannst du?", BOT), ("Wobei können Sie mir helfen?", BOT), ("wer hat dich programmiert", BOT),
        ("do you speak German?", SPEAKS), ("can we write in Italian or French?", SPEAKS), ("in Spanish please", SPEAKS), ("which languages do you speak?", SPEAKS),
        ("Sprechen Sie Englisch?", SPEAKS), ("kannst du auch auf Türkisch antworten?", SPEAKS), ("auf Deutsch bitte", SPEAKS),
        ("tell me a joke", ASIDE), ("what time is it", ASIDE), ("What day is it today?", ASIDE), ("I love you", ASIDE), ("you are stupid", ASIDE),
        ("Erzähl mir einen Witz", ASIDE), ("Wie spät ist es?", ASIDE), ("ich liebe dich", ASIDE), ("du bist doof", ASIDE),
        ("I have a quick question", GO_AHEAD), ("can you help me?", GO_AHEAD), ("Hallo, ich hätte da mal eine Frage", GO_AHEAD), ("Darf ich kurz was fragen?", GO_AHEAD),
        ("👍", THANKS), ("🙏🙏", THANKS), ("okay got it", THANKS), ("vielen dank für die schnelle hilfe", THANKS), ("thanks for the quick reply", THANKS), ("🙂", GREETING), ("👋", GREETING),
        ("Mahlzeit!", GREETING), ("tschau", BYE),
        ("bonjour", GREETING), ("merci beaucoup", THANKS), ("au revoir", BYE), ("ça va ?", HOW), ("hola, ¿qué tal?", GREETING), ("muchas gracias", THANKS),
        ("ciao, grazie mille", THANKS), ("buongiorno", GREETING), ("dank je wel", THANKS), ("goedemorgen", GREETING), ("dziękuję", THANKS), ("dzień dobry", GREETING),
        ("obrigada", THANKS), ("bom dia", GREETING), ("teşekkürler", THANKS), ("merhaba", GREETING), ("مرحبا", GREETING), ("شكرًا جزيلا", THANKS), ("תודה רבה", THANKS), ("שלום", GREETING),
        ("ありがとうございます", THANKS), ("こんにちは", GREETING), ("谢谢", THANKS), ("你好", GREETING), ("спасибо большое", THANKS), ("привет", GREETING),
    ],
)  # fmt: skip
def test_small_talk_gets_its_line(text: str, line: str) -> None:
    assert smalltalk(text) == line
    assert not wants_human(text)
    assert not angry(text)


@pytest.mark.parametrize(
    "text",
    [
        "hi, how much is shipping", "test report for the Nordkette?", "can I test the boots?", "do your staff speak Italian?", "what time is it open?",
        "what time is it in Graz when you open", "never mind the price, is it waterproof?", "can you help me with a return", "I have a question about my order",
        "who made the Nordkette?", "what can I do about a broken zip?", "in English please: what is the deposit?", "how can you help me get my money back", "yes, how much is it", "no refund?",
        "Was kannst du mir über Zelte sagen?", "Ich habe eine Frage zu meiner Bestellung", "Sprechen Ihre Mitarbeiter Englisch?", "Können Sie mir mit der Rückgabe helfen?",
        "Danke, und wo seid ihr?", "ja, was kostet es", "bonjour, combien coûte la livraison ?", "hola, ¿cuánto cuesta?", "谢谢，运费多少", "ciao, quanto costa?", "adidas", "xxl", "hm, Lizum 3?",
    ],
)  # fmt: skip
def test_what_has_a_question_in_it_is_a_question(text: str) -> None:
    assert smalltalk(text) is None


def test_the_language_of_small_talk_is_known_where_it_is_of_one() -> None:
    assert smalltalk_in("Mahlzeit!") == ("de",)
    assert smalltalk_in("lol") == ()
    assert {"en", "de", "fr"} <= set(smalltalk_in("ok"))


@pytest.fixture
def asker(embedder: Embedder, settings: Settings, clock: FakeClock) -> Asker:
    """Without a model, over pages in English."""
    return Asker(SmallSearch(embedder), embedder.documents, None, settings, clock)


async def said(asker: Asker, text: str, locale: str | None = None, *history: Turn) -> Answered:
    """The end of the turn."""
    return await answer(asker, Question("s1", text, history, locale=locale))


async def test_anger_goes_to_a_person_with_an_apology(asker: Asker) -> None:
    handed = await said(asker, "this is a joke. three emails and no answer. i want my money back NOW")
    assert handed.outcome == HandOff("angry_customer")
    assert handed.text.startswith("I'm sorry.")
    assert (await said(asker, "So eine Frechheit!")).text.startswith("Das tut mir leid.")


async def test_who_is_angry_and_asks_for_a_person_asked_for_a_person(asker: Asker) -> None:
    handed = await said(asker, "This is outrageous, get me your manager!")
    assert handed.outcome == HandOff("customer_request")


async def test_human_resources_and_accounts_of_agents_are_no_wish(asker: Asker) -> None:
    for text in (
        "My agent account doesn't work, where do I reset the password?",
        "Is there a human resources department?",
        "how do I complain about a product",
    ):
        assert not isinstance((await said(asker, text)).outcome, HandOff), text


@pytest.mark.parametrize(
    ("text", "locale", "begins"),
    [
        ("Mahlzeit!", None, "Hallo!"), ("tschau", None, "Auf Wiedersehen"), ("merci beaucoup", "en-US", "Avec plaisir"), ("hola", None, "¡Hola!"),
        ("dziękuję", None, "Nie ma za co"), ("مرحبا", "en", "مرحبًا!"), ("ok", "pl", "Nie ma za co"), ("lol", "it", "Va bene"), ("👍", "de", "Gern geschehen"),
        ("谢谢", "de", "Gern geschehen"), ("merci", "de-CH", "Gern geschehen"), ("Je voudrais parler à un conseiller", None, "Bien sûr."), ("オペレーターと話したい", "en", "承知しました"),
    ],
)  # fmt: skip
async def test_our_line_is_in_the_visitors_language(
    asker: Asker, text: str, locale: str | None, begins: str
) -> None:
    assert (await said(asker, text, locale)).text.startswith(begins)


async def test_a_message_that_does_not_tell_its_language_is_in_that_of_those_before(asker: Asker) -> None:
    before = (
        Turn("visitor", "Haben Sie ein Schwimmbad?"),
        Turn("assistant", "Dazu steht nichts auf unseren Seiten."),
    )
    assert (await said(asker, "ok", None, *before)).text.startswith("Gern geschehen")
    assert (await said(asker, "ok", "en-US", *before)).text.startswith("Gern geschehen")
    assert isinstance((await said(asker, "👍", None)).outcome, Clarify)
