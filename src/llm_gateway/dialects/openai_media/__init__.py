"""Operations that only ever pass through, in OpenAI's shape: pictures, speech, transcripts, moderation, and others' beside them.

One table says what there is (operations.py); what is asked is read as far as policy needs it (front.py); the answer goes on as
it comes, whatever it is (providers/raw.py). Nothing is translated between makers.
"""

from llm_gateway.dialects.openai_media.front import MediaBack, MediaFront, MediaView
from llm_gateway.dialects.openai_media.operations import AUDIO, MEDIA, OPENAIS, OWNED, MediaOperation
from llm_gateway.dialects.openai_media.wanted import Wanted, wanted

__all__ = ["AUDIO", "MEDIA", "OPENAIS", "OWNED", "MediaBack", "MediaFront", "MediaOperation", "MediaView", "Wanted", "wanted"]
