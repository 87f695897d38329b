"""A courier's file of drop-off points, and what it would change."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('logistics', '0016_pages_in_place_of_one'),
    ]

    operations = [
        migrations.CreateModel(
            name='PointImport',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('mode', models.CharField(choices=[('full', 'Full: what is missing is taken out of use'), ('incremental', 'Incremental: what is missing stays')], max_length=12)),
                ('state', models.CharField(choices=[('waiting', 'Being read'), ('staged', 'To be looked at'), ('confirmed', 'Being applied'), ('applied', 'Applied'), ('discarded', 'Discarded'), ('failed', 'Could not be taken')], default='waiting', max_length=12)),
                ('file', models.FileField(blank=True, upload_to='points/%Y/%m')),
                ('file_name', models.CharField(max_length=120)),
                ('sha256', models.CharField(max_length=64)),
                ('by', models.CharField(max_length=200)),
                ('at', models.DateTimeField(help_text='When it came.')),
                ('trouble', models.CharField(blank=True, help_text='Why it is unreadable, or was read again.', max_length=300)),
                ('format', models.CharField(blank=True, max_length=12)),
                ('complete', models.BooleanField(default=True, help_text='No: a page of several.')),
                ('points_seen', models.CharField(blank=True, help_text="SHA-256 of the courier's points it was compared with.", max_length=64)),
                ('new', models.PositiveIntegerField(default=0)),
                ('changed', models.PositiveIntegerField(default=0)),
                ('missing', models.PositiveIntegerField(default=0)),
                ('unchanged', models.PositiveIntegerField(default=0)),
                ('rejected', models.PositiveIntegerField(default=0)),
                ('offered', models.PositiveIntegerField(default=0, help_text='Points in use before.')),
                ('dropped', models.PositiveIntegerField(default=0, help_text='Of those, no longer in use after.')),
                ('decided_by', models.CharField(blank=True, max_length=200)),
                ('decided_at', models.DateTimeField(blank=True, null=True)),
                ('drop_allowed', models.BooleanField(default=False)),
                ('applied_at', models.DateTimeField(blank=True, null=True)),
                ('courier', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='point_imports', to='logistics.courier')),
            ],
            options={
                'verbose_name': 'import of points',
                'verbose_name_plural': 'imports of points',
                'ordering': ['-id'],
                'permissions': [('apply_pointimport', 'Can apply or discard an import of points')],
            },
        ),
        migrations.CreateModel(
            name='PointChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('what', models.CharField(choices=[('new', 'New'), ('changed', 'Changed'), ('missing', 'Missing'), ('rejected', 'Rejected')], max_length=8)),
                ('code', models.CharField(blank=True, max_length=32)),
                ('place', models.CharField(blank=True, help_text='A line or a JSON Pointer.', max_length=40)),
                ('before', models.JSONField(blank=True, null=True)),
                ('after', models.JSONField(blank=True, null=True)),
                ('why', models.CharField(blank=True, max_length=300)),
                ('of', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='changes', to='logistics.pointimport')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.AddIndex(
            model_name='pointimport',
            index=models.Index(condition=models.Q(('state__in', ['confirmed', 'waiting'])), fields=['id'], name='point_import_due'),
        ),
        migrations.AddConstraint(
            model_name='pointimport',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['waiting', 'staged', 'confirmed', 'applied', 'discarded', 'failed'])), name='point_import_state_known'),
        ),
        migrations.AddConstraint(
            model_name='pointimport',
            constraint=models.CheckConstraint(condition=models.Q(('mode__in', ['full', 'incremental'])), name='point_import_mode_known'),
        ),
        migrations.AddConstraint(
            model_name='pointimport',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('applied_at__isnull', False), ('state', 'applied')), models.Q(models.Q(('state', 'applied'), _negated=True), ('applied_at__isnull', True)), _connector='OR'), name='point_import_applied_once'),
        ),
        migrations.AddIndex(
            model_name='pointchange',
            index=models.Index(fields=['of', 'what', 'id'], name='point_change_listed'),
        ),
        migrations.AddConstraint(
            model_name='pointchange',
            constraint=models.CheckConstraint(condition=models.Q(('what__in', ['new', 'changed', 'missing', 'rejected'])), name='point_change_known'),
        ),
    ]
