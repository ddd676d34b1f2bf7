"""Yes and no as people write them."""

from __future__ import annotations

from engine.fields.faults import FaultCode
from engine.fields.fold import fold_phrase
from engine.fields.readings import Read, Refused, refuse

_YES = (
    # English
    "yes|y|yeah|yep|yup|yes please|yes of course|of course|sure|ok|okay|true|on|1|correct|right"
    "|that's right|i do|i am|absolutely|definitely"
    # Persian
    "|بله|بلی|آره|اره|آری|اری|بله حتما|حتما|باشه|اوکی|درسته|درست|صحیح|موافقم|هستم|دارم"
    # Arabic
    "|نعم|أجل|اجل|ايوه|أيوه|ايوا|أيوا|طبعا|صح"
    # Turkish
    "|evet|e|tamam|tabii|tabi|olur|doğru"
    # Emoji
    "|✅|✔|☑|👍|👌|🆗|💯"
)
_NO = (
    "no|n|nope|nah|no thanks|no thank you|not really|false|off|0|wrong|incorrect|never|i don't"
    "|i'm not"
    "|نه|خیر|نخیر|نچ|نه ممنون|نه مرسی|خیر ممنون|اصلا|نادرست|غلط|اشتباه|نیستم|ندارم"
    "|لا|كلا|لأ|لا شكرا|خطأ"
    "|hayır|hayir|h|yok|olmaz|değil|istemiyorum"
    "|❌|✖|✗|👎|🚫|⛔"
)

_WORDS: dict[str, bool] = {
    fold_phrase(word): meaning
    for words, meaning in ((_YES, True), (_NO, False))
    for word in words.split("|")
}


def read_boolean(text: str) -> Read | Refused:
    """Yes or no, in English, Persian, Arabic or Turkish whatever the business speaks.

    The whole reply must be one of the known answers, so that "no idea" is not a no.
    """
    meaning = _WORDS.get(text)
    if meaning is None:
        meaning = _WORDS.get(fold_phrase(text))
    return refuse(FaultCode.NOT_BOOLEAN) if meaning is None else Read(meaning)
