"""A label has many pages; what was printed, what it costs and who bears it move along (R29)."""

import hashlib
import secrets
from base64 import b32encode
from typing import Any

from django.core.files.storage import default_storage
import django.db.models.deletion
from django.db import migrations, models


def move(apps: Any, schema_editor: Any) -> None:
    """Pages that were printed stay what they are; free labels get their price and their code."""
    parcels = apps.get_model("logistics", "Parcel").objects
    pages = apps.get_model("logistics", "LabelPage").objects
    for parcel in parcels.filter(carried="free_label").select_related("case__buyer").iterator():
        parcel.token = b32encode(secrets.token_bytes(7)).decode()[:10]
        parcel.borne_by = "marketplace"
        offered = parcel.courier.services.filter(country=parcel.case.buyer.country)
        chosen = offered.filter(method=parcel.case.handover).first() or offered.first()
        if chosen:
            parcel.label_cost, parcel.label_currency = chosen.price, chosen.currency
        if parcel.label_pdf and default_storage.exists(parcel.label_pdf.name):
            with default_storage.open(parcel.label_pdf.name) as file:
                sha256 = hashlib.sha256(file.read()).hexdigest()
            pages.create(
                parcel=parcel,
                size="4x6",
                format="pdf",
                file=parcel.label_pdf.name,
                sha256=sha256,
                made_at=parcel.issued_at,
            )
            parcel.printed = True
        parcel.save()


class Migration(migrations.Migration):

    dependencies = [
        ('logistics', '0014_unmatched'),
        ('returns', '0003_first_policy'),
    ]

    operations = [
        migrations.CreateModel(
            name='LabelPage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('size', models.CharField(choices=[('4x6', '4 × 6 inches'), ('a6', 'A6'), ('a4', 'A4, with what to do'), ('qr', 'Code for the counter')], max_length=4)),
                ('format', models.CharField(choices=[('pdf', 'PDF'), ('png', 'PNG'), ('zpl', 'ZPL'), ('svg', 'SVG')], max_length=4)),
                ('dpi', models.PositiveSmallIntegerField(default=0, help_text='0: it has no dots of its own.')),
                ('file', models.FileField(upload_to='labels/%Y/%m')),
                ('sha256', models.CharField(max_length=64)),
                ('made_at', models.DateTimeField()),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.RemoveIndex(
            model_name='parcel',
            name='parcel_unprinted',
        ),
        migrations.AddField(
            model_name='courierservice',
            name='price_confirmed_at',
            field=models.DateTimeField(blank=True, help_text="When somebody said that this is the contract's price; empty: it is made up.", null=True),
        ),
        migrations.AddField(
            model_name='numberrange',
            name='alarm_left',
            field=models.PositiveIntegerField(default=1000, help_text='With so many left somebody is told to ask for more.'),
        ),
        migrations.AddField(
            model_name='parcel',
            name='borne_by',
            field=models.CharField(choices=[('marketplace', 'Marketplace'), ('seller', 'Seller'), ('buyer', 'Buyer')], default='buyer', help_text='R29: who pays the carriage.', max_length=12),
        ),
        migrations.AddField(
            model_name='parcel',
            name='label_cost',
            field=models.DecimalField(blank=True, decimal_places=3, help_text='R29: by contract, frozen when the label was issued; due once it is used.', max_digits=9, null=True),
        ),
        migrations.AddField(
            model_name='parcel',
            name='label_currency',
            field=models.CharField(blank=True, max_length=3),
        ),
        migrations.AddField(
            model_name='parcel',
            name='printed',
            field=models.BooleanField(default=False, help_text='Its first page is drawn.'),
        ),
        migrations.AddField(
            model_name='parcel',
            name='token',
            field=models.CharField(blank=True, help_text='Proves to a counter that its code is ours; base 32.', max_length=10),
        ),
        migrations.AddIndex(
            model_name='parcel',
            index=models.Index(condition=models.Q(('label', 'live'), ('label_error', ''), ('printed', False)), fields=['id'], name='parcel_unprinted'),
        ),
        migrations.AddConstraint(
            model_name='parcel',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('label_cost__isnull', True), ('label_currency', '')), models.Q(('label_cost__gte', 0), models.Q(('label_currency', ''), _negated=True)), _connector='OR'), name='parcel_label_cost_in_a_currency'),
        ),
        migrations.AddConstraint(
            model_name='parcel',
            constraint=models.CheckConstraint(condition=models.Q(('borne_by__in', ['marketplace', 'seller', 'buyer'])), name='parcel_bearer_known'),
        ),
        migrations.AddField(
            model_name='labelpage',
            name='parcel',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='pages', to='logistics.parcel'),
        ),
        migrations.AddConstraint(
            model_name='labelpage',
            constraint=models.UniqueConstraint(fields=('parcel', 'size', 'format', 'dpi'), name='label_page_once'),
        ),
        migrations.AddConstraint(
            model_name='labelpage',
            constraint=models.CheckConstraint(condition=models.Q(('format__in', ['pdf', 'png', 'zpl', 'svg']), ('size__in', ['4x6', 'a6', 'a4', 'qr'])), name='label_page_known'),
        ),
        migrations.RunPython(move, migrations.RunPython.noop),
    ]
