"""Django under ASGI."""

import scene
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import JsonResponse
from django.urls import path

from unjam.integrations.asgi import UnjamMiddleware

settings.configure(
    SECRET_KEY="for tests only",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["unjam.integrations.django"],
    MIDDLEWARE=["unjam.integrations.django.middleware.UnjamMiddleware", "django.middleware.common.CommonMiddleware"],
)


async def quick(request, number):
    return JsonResponse(await scene.quick(request.unjam))


async def block(request, number):
    scene.noted(request.unjam)
    scene.held()
    return JsonResponse({})


async def told(request):
    return JsonResponse(scene.told(), safe=False)


urlpatterns = [path("quick/<int:number>", quick), path("block/<int:number>", block), path("told", told)]
app = UnjamMiddleware(get_asgi_application(), install=True)
